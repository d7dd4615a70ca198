r"""Certify a ``torch.nn.Module`` that somebody already trained with weight decay in plain PyTorch.

PyTorch's optimizers add ``weight_decay * w`` to the gradient, so what they minimize is the training
loss plus ``weight_decay/2`` times the sum of the squared weights.  For two layers that sum is the
network's Theta, hence lam = weight_decay when the loss is ours, half the squared error summed over
the outputs and averaged over the samples.  For ``torch.nn.MSELoss()``, which averages over samples
AND outputs and has no half, the same weights are stationary for lam = weight_decay * n_y / 2; for
``torch.nn.SoftMarginLoss()`` and ``torch.nn.HuberLoss()``, which average likewise, for weight_decay * n_y.
(Decoupled decay, as in ``AdamW``, minimizes no objective of this form: its networks can be certified as
candidates, and their gap need not close.)

A head of ``torch.nn.MultiheadAttention`` has the value matrix ``V = W_out W_value``, and
``|V|_F <= (|W_out|^2 + |W_value|^2)/2``: what PyTorch minimizes is at least the objective of
:class:`ppkit.families.MultiHeadAttention` with lam = weight_decay, so a lower bound on the latter, over all
numbers of heads with keys and queries in the ball, is a lower bound on PyTorch's training objective too.
"""

from typing import Any

import numpy as np

from .certificates import Certificate, certify
from .errors import InputError
from .factors import Array
from .families import MultiHeadAttention, TwoLayerLinear, TwoLayerReLU
from .families.base import Family
from .optional import optional
from .problem import Problem

torch = optional("torch")

#: training loss -> (our loss, factor from weight decay to lam as a function of n_y)
CRITERIA = {
    "squared": ("squared", lambda n_y: 1.0),
    "mse": ("squared", lambda n_y: n_y / 2),
    "logistic": ("logistic", lambda n_y: float(n_y)),
    "huber": ("huber", lambda n_y: float(n_y)),
}


def certify_module(
    module: Any,
    X: Any,
    Y: Any,
    weight_decay: Any,
    criterion: Any = "squared",
    effort: str = "default",
    predictions: Any = None,
) -> Certificate:
    """Certificate of a trained module, in the objective its own training minimized.

    Parameters
    ----------
    module : torch.nn.Module
        ``Sequential(Linear, Linear)`` without biases, or ``Sequential(Linear, ReLU, Linear)`` whose
        last layer has none; a first-layer bias is one more input that is always 1, and must be decayed
        like the weights, as PyTorch's optimizers do unless told otherwise.  Or a
        ``MultiheadAttention(d, heads, bias=False, batch_first=True)`` used as self-attention: ``radius`` of
        the family is then the largest Frobenius norm of a key or query matrix in the module.
    X : array or tensor (N, n_x), or (N, T, d) for attention
    Y : array or tensor (N,) or (N, n_y); for attention (N, T, d) when the answers of all tokens were
        trained, (N, d) when those of the last token were
    weight_decay : float
        The ``weight_decay`` of the optimizer (``SGD`` or ``Adam``), > 0.
    criterion : {"squared", "mse", "logistic", "huber"}
        The training loss: half the squared error summed over outputs and averaged over samples,
        ``torch.nn.MSELoss()``, ``torch.nn.SoftMarginLoss()`` or ``torch.nn.HuberLoss()`` with delta 1.
        The last three are means over samples and outputs.
    effort : str
        Passed to :func:`ppkit.certify`.
    predictions : array or tensor shaped like Y, optional
        What the network answered to ``X`` in training.  A module does not record the ``attn_mask`` or
        ``key_padding_mask`` that it was called with; without predictions it is read as unmasked, with them
        a network that answers something else is refused.

    Returns
    -------
    Certificate
        In units of ppkit's objective (for "mse" that is ``n_y/2`` times the training objective, for
        "logistic" and "huber" ``n_y`` times, so relative gaps agree).

    Raises
    ------
    InputError
        A module that is not of a supported form (the message says why), or bad data; a module whose
        own forward pass on ``X``, or whose ``predictions``, are not those of the network certified.
    """
    problem, factors = as_problem(module, X, Y, weight_decay, criterion)
    ours, eps = problem.predict(factors), precision_of(module)
    same_predictions("the module's own forward pass", forward(module, X, np.ndim(Y) == 2), ours, eps)
    if predictions is not None:
        same_predictions("the predictions given", as_numpy(predictions), ours, eps)
    return certify(problem, factors, effort)


def precision_of(module: Any) -> float:
    """The machine epsilon of the module's weights."""
    return float(torch.finfo(next(module.parameters()).dtype).eps)


def forward(module: Any, X: Any, last: bool) -> np.ndarray:
    """What the module answers to ``X``; for attention without masks, of the last token if ``last``."""
    weight = next(module.parameters())
    inputs = torch.as_tensor(as_numpy(X), dtype=weight.dtype, device=weight.device)
    with torch.no_grad():
        if not isinstance(module, torch.nn.MultiheadAttention):
            return as_numpy(module(inputs))
        answers = module(inputs, inputs, inputs, need_weights=False)[0]
    return as_numpy(answers[:, -1] if last else answers)


def same_predictions(what: str, theirs: np.ndarray, ours: Array, eps: float) -> None:
    """Raise :class:`InputError` unless two predictions agree up to the square root of ``eps``."""
    if theirs.size != ours.size:
        raise InputError(f"{what} have shape {theirs.shape}, the certified network's {ours.shape}")
    theirs = theirs.reshape(ours.shape).astype(np.float64)
    scale = float(max(np.max(np.abs(theirs), initial=0.0), np.max(np.abs(ours), initial=0.0)))
    off = float(np.max(np.abs(theirs - ours), initial=0.0))
    if not off <= np.sqrt(eps) * scale + 1e-30:
        raise InputError(
            f"{what} and the certified network's predictions differ by {off:.2g}; "
            "was it called with masks or hooks?"
        )


def as_problem(
    module: Any, X: Any, Y: Any, weight_decay: float, criterion: str = "squared"
) -> tuple[Problem, dict[str, np.ndarray]]:
    """``(problem, factors)`` of a trained module: what :func:`certify_module` certifies."""
    if criterion not in CRITERIA:
        raise InputError(f"unknown criterion {criterion!r}; choose one of {', '.join(CRITERIA)}")
    X, Y = as_numpy(X), as_numpy(Y)
    if isinstance(module, torch.nn.MultiheadAttention):
        family, factors = read_attention(module, X, Y)
    else:
        family, factors = read_module(module)
    loss, ratio = CRITERIA[criterion]
    return Problem(family, X, Y, weight_decay * ratio(family.n_outputs), loss), factors


def as_numpy(a: Any) -> np.ndarray:
    """A tensor or array as a numpy array."""
    return a.detach().cpu().numpy() if hasattr(a, "detach") else np.asarray(a)


def read_module(module: Any) -> tuple[Family, dict[str, np.ndarray]]:
    """``(family, factors)`` of a supported module; raises :class:`InputError` with the reason."""
    if not isinstance(module, torch.nn.Sequential):
        raise InputError(
            "only torch.nn.Sequential and torch.nn.MultiheadAttention modules can be read, "
            f"got {type(module).__name__}"
        )
    layers = list(module)
    kinds = [type(layer) for layer in layers]
    if kinds not in ([torch.nn.Linear, torch.nn.Linear], [torch.nn.Linear, torch.nn.ReLU, torch.nn.Linear]):
        found = ", ".join(kind.__name__ for kind in kinds)
        raise InputError(
            "only Sequential(Linear, Linear) and Sequential(Linear, ReLU, Linear) can be certified, "
            f"got Sequential({found})"
        )
    relu = len(layers) == 3
    first, last = layers[0], layers[-1]
    if last.bias is not None:
        raise InputError(
            f"layer {len(layers) - 1} has a bias, which belongs to no single factor; "
            "build it with bias=False (center the targets instead)"
        )
    if first.bias is not None and not relu:
        raise InputError(
            "layer 0 has a bias, which the two-layer linear family does not have; "
            "build it with bias=False (center the data instead)"
        )
    v = as_numpy(first.weight).astype(np.float64)
    u = np.ascontiguousarray(as_numpy(last.weight).astype(np.float64).T)
    n_inputs, n_outputs = v.shape[1], u.shape[1]
    if not relu:
        return TwoLayerLinear(n_inputs, n_outputs), {"u": u, "v": v}
    if first.bias is not None:  # PyTorch's weight decay penalizes it like the weights
        v = np.column_stack([v, as_numpy(first.bias).astype(np.float64)])
    return TwoLayerReLU(n_inputs, n_outputs, bias=first.bias is not None), {"u": u, "v": v}


def read_attention(module: Any, X: Array, Y: Array) -> tuple[Family, dict[str, np.ndarray]]:
    """``(family, factors)`` of a self-attention module; raises :class:`InputError` with the reason."""
    if module.in_proj_weight is None:
        raise InputError("keys and values of another size than the queries (kdim, vdim) cannot be certified")
    for found, what in (
        (
            module.in_proj_bias is not None or module.out_proj.bias is not None,
            "a bias; build it with bias=False",
        ),
        (module.bias_k is not None or module.add_zero_attn, "an extra key (add_bias_kv or add_zero_attn)"),
        (module.dropout > 0, "dropout, which changes the objective from step to step"),
        (not module.batch_first, "batch_first=False; the samples must be the first axis"),
    ):
        if found:
            raise InputError(f"this MultiheadAttention cannot be certified: it has {what}")
    if X.ndim != 3 or Y.ndim not in (2, 3):
        raise InputError(
            f"attention needs X (N, T, d) and Y (N, T, d) or (N, d), got {X.shape} and {Y.shape}"
        )
    d, heads = module.embed_dim, module.num_heads
    Q, K, W = as_numpy(module.in_proj_weight).astype(np.float64).reshape(3, heads, d // heads, d)
    out = as_numpy(module.out_proj.weight).astype(np.float64).reshape(d, heads, d // heads)
    radius = float(np.max(np.linalg.norm(np.concatenate([K, Q]), axis=(1, 2)))) or 1.0
    family = MultiHeadAttention(
        d, X.shape[1], d // heads, d, radius=radius, query="all" if Y.ndim == 3 else "last"
    )
    return family, {"V": np.matmul(out.transpose(1, 0, 2), W), "K": K, "Q": Q}
