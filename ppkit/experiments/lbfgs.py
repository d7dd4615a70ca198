"""Many small minimizations at once: L-BFGS on the rows of a matrix, each with its own step."""

from collections.abc import Callable
from typing import Any

from ..optional import optional

torch = optional("torch")

MEMORY = 12
PATIENCE = 2
LOOK = 10


def minimize(restricted: Callable[..., Any], z: Any, iterations: int, tolerance: float) -> Any:
    """Approximate minimizers of the problems whose variables are the rows of ``z`` (B, n).

    Each iteration evaluates all rows once; a row either takes its trial step or shortens it, and is done
    once its value has fallen by less than ``tolerance`` (relative) in two steps on end.

    Parameters
    ----------
    restricted : callable
        ``restricted(rows)`` is the function whose values (B,) and gradients (B, n) at a matrix are
        those of the problems ``rows`` (a tensor of indices), row by row.
    z : tensor (B, n)
    iterations : int
    tolerance : float
    """
    answer, rows = z.clone(), torch.arange(len(z), device=z.device)
    function = restricted(rows)
    value, slope = function(z)
    S = z.new_zeros(len(z), MEMORY, z.shape[1])
    D = torch.zeros_like(S)  # differences of gradients
    idle = torch.zeros_like(rows)
    step = -slope * torch.clamp(0.1 * length(z) / length(slope), max=1.0)[:, None]
    for iteration in range(iterations):
        if iteration % LOOK == 0:
            busy = idle < PATIENCE
            if not busy.any():
                break
            if 4 * busy.sum() <= 3 * len(rows):
                answer[rows] = z
                state = (rows, z, value, slope, S, D, idle, step)
                rows, z, value, slope, S, D, idle, step = (a[busy] for a in state)
                function = restricted(rows)
        new_z = z + step
        new_value, new_slope = function(new_z)
        s, d = new_z - z, new_slope - slope
        takes = (new_value <= value + 1e-4 * (step * slope).sum(1)) & (idle < PATIENCE)
        curved = takes & ((s * d).sum(1) > 1e-12 * (d**2).sum(1))
        S = torch.where(curved[:, None, None], torch.cat([S[:, 1:], s[:, None]], dim=1), S)
        D = torch.where(curved[:, None, None], torch.cat([D[:, 1:], d[:, None]], dim=1), D)
        little = takes & (value - new_value <= tolerance * value.abs())
        little |= length(step) <= 1e-14 * length(z)
        idle = torch.where(little | (idle >= PATIENCE), idle + 1, torch.where(takes, 0, idle))
        z = torch.where(takes[:, None], new_z, z)
        value = torch.where(takes, new_value, value)
        slope = torch.where(takes[:, None], new_slope, slope)
        ahead = -inverse_hessian(S, D, slope)
        ahead = torch.where(((ahead * slope).sum(1) < 0)[:, None], ahead, -slope)
        step = torch.where(takes[:, None], ahead, 0.3 * step)
    answer[rows] = z
    return answer


def length(a: Any) -> Any:
    """Euclidean lengths of the rows of ``a``, never zero."""
    return a.norm(dim=1).clamp_min(1e-300)


def inverse_hessian(S: Any, D: Any, g: Any) -> Any:
    """The compact form of the BFGS matrix from steps ``S`` and gradient differences ``D``, times ``g``.

    Rows of zeros in ``S`` and ``D`` (B, m, n) stand for steps that were not taken yet.
    """
    products = S @ D.mT
    own = products.diagonal(dim1=1, dim2=2)
    R = products.triu() + torch.diag_embed((own == 0).to(S.dtype))
    last = (D[:, -1] ** 2).sum(1)
    gamma = torch.where(last > 0, own[:, -1] / last.clamp_min(1e-300), 1.0)[:, None, None]
    g = g[:, :, None]
    w = torch.linalg.solve_triangular(R, S @ g, upper=True)
    inner = own[:, :, None] * w + gamma * (D @ (D.mT @ w - g))
    left = torch.linalg.solve_triangular(R.mT, inner, upper=False)
    return (gamma * g + S.mT @ left - gamma * (D.mT @ w))[:, :, 0]
