"""The model families; ``registry`` maps the command-line name of each to its class."""

from ..errors import InputError
from .base import Family
from .cp_tensor import CPTensor
from .deep_linear import DeepLinear
from .deep_relu import DeepReLU
from .linear_attention import LinearAttention
from .matrix_factorization import MatrixFactorization
from .matrix_sensing import MatrixSensing
from .multi_head_attention import MultiHeadAttention
from .relu_1d import ReLU1D
from .structured_sensing import StructuredSensing
from .two_layer_linear import TwoLayerLinear
from .two_layer_quadratic import TwoLayerQuadratic
from .two_layer_relu import TwoLayerReLU

registry: dict[str, type[Family]] = {
    family.name: family
    for family in (
        MatrixFactorization,
        MatrixSensing,
        StructuredSensing,
        TwoLayerLinear,
        DeepLinear,
        TwoLayerQuadratic,
        LinearAttention,
        MultiHeadAttention,
        TwoLayerReLU,
        ReLU1D,
        DeepReLU,
        CPTensor,
    )
}


def get_family(name: str) -> type[Family]:
    """The class registered under ``name``, or :class:`InputError` listing the names there are."""
    if name not in registry:
        raise InputError(f"unknown family {name!r}; choose one of {', '.join(registry)}")
    return registry[name]


__all__ = ["Family", "get_family", "registry", *(f.__name__ for f in registry.values())]
