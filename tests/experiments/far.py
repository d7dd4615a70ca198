"""A pretended device: PyTorch that computes on the CPU, but refuses whatever a real device would refuse.

Tensors of the device report ``meta`` as their place.  They carry their numbers along, so control flow
that depends on them runs; an operation that mixes them with tensors of the CPU raises, as on CUDA,
single numbers apart, and NumPy cannot read them.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

HERE, THERE = torch.device("cpu"), torch.device("meta")


class Far(torch.Tensor):
    """A tensor of the device, with its numbers in ``near``."""

    @staticmethod
    def __new__(cls, near):
        return torch.Tensor._make_wrapper_subclass(
            cls, near.shape, near.stride(), near.storage_offset(), dtype=near.dtype, device=THERE
        )

    def __init__(self, near):
        self.near = near

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        raise RuntimeError(f"{func}: a tensor of the device is used outside of it")


class Elsewhere(TorchDispatchMode):
    """While it is entered the device exists; ``calls`` counts the operations there."""

    place = THERE

    def __init__(self):
        super().__init__()
        self.calls = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        tensors = [a for a in tree_leaves((args, kwargs)) if isinstance(a, torch.Tensor)]
        far = [a for a in tensors if isinstance(a, Far)]
        near = [a for a in tensors if not isinstance(a, Far) and a.dim() > 0]
        if far and near:
            raise RuntimeError(f"{func}: tensors of two devices")
        goes_there = bool(far)
        if kwargs.get("device") is not None:
            goes_there = torch.device(kwargs["device"]) == THERE
            kwargs["device"] = HERE
        self.calls += goes_there
        out = func(*tree_map_only(Far, unwrapped, args), **tree_map_only(Far, unwrapped, kwargs))
        if far and func._schema.is_mutable:
            return args[0]
        return tree_map_only(torch.Tensor, Far, out) if goes_there else out


def unwrapped(tensor):
    """The numbers of a tensor of the device."""
    return tensor.near
