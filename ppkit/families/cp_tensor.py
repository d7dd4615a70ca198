"""Sums of rank-one tensors seen through linear measurements: CP decomposition with a certificate."""

import numpy as np

from ..checks.forms import binomial_count, binomials, combine
from ..errors import InputError
from ..factors import as_float, check_shape, width
from ..polars.base import Polar, check_effort
from ..polars.tensor import interior_points, polish, power_iteration
from ..rigor.margins import EPS, largest_eigenvalue, rounding_margin
from ..rigor.matrices import positive_definite, spectral_at_most
from ..rigor.scales import any_scale, any_scale_upper
from . import models
from .base import Family
from .outer_product import svd_split

CLOSED = 1e-11  # relative width of an interval that counts as closed to rounding
LARGEST = 1300  # binomials that effort "default" takes on; "exact" takes on any number
STARTS = {"fast": 8, "default": 24, "exact": 48}


class CPTensor(Family):
    r"""Linear measurements of a sum of rank-one tensors with K >= 2 modes.

    .. math::
        \min_{u} \; \frac1N \sum_i \ell\Bigl(y_i, \bigl\langle A_i,
        \textstyle\sum_j u_{1,j} \otimes \cdots \otimes u_{K,j}\bigr\rangle\Bigr)
        + \lambda \sum_j \|u_{1,j}\| \cdots \|u_{K,j}\|

    Omega is the tensor nuclear norm (the least one among the tensors with the same predictions); the
    polar is the tensor spectral norm of ``(1/N) sum_i g_i A_i``, hard in general.  It is enclosed by
    power iteration from below and the quadratic forms of :mod:`ppkit.checks.forms` from
    above; ``kind`` is ``"exact"`` when the two meet to rounding (relative width 1e-10), else ``"bounded"``.
    With K = 2 this is matrix sensing.

    Effort: ``"fast"`` takes 8 random starts and the best unfolding, one singular value; ``"default"`` 24
    starts and the quadratic forms, as long as there are at most 1,300 of them (784 for 8 x 8 x 8: about
    a second); ``"exact"`` 48 starts and any number m of forms, O(m^3) for each of at most 40 steps.

    Training uses ``(|u1|^2 + |u2|^2 ... |uK|^2)/2``, which majorizes the cost and has the curvature of
    ordinary weight decay at a factor that dies.

    Parameters
    ----------
    shape : (n1, ..., nK)
        Size of each mode; ``X`` has shape (N, n1, ..., nK), ``Y`` (N,).
        Factors: ``u1`` (r, n1), ..., ``uK`` (r, nK).  A tensor seen in full is the identity as ``X``.
    """

    name = "cp-tensor"
    input_degree = 1

    def __init__(self, shape):
        try:
            shape = tuple(shape)
        except TypeError:
            shape = ()
        if not 2 <= len(shape) <= 8:
            raise InputError(f"{self.name}: shape must list the sizes of 2 to 8 modes, got {shape}")
        self.shape = check_shape(self.name, shape, len(shape))

    @property
    def shapes(self):
        return {f"u{k + 1}": (n,) for k, n in enumerate(self.shape)}

    @property
    def input_shape(self):
        return self.shape

    @property
    def n_outputs(self):
        return 1

    def params(self):
        return {"shape": list(self.shape)}

    @classmethod
    def from_data(cls, X, Y, **options):
        X = as_float(X, "X")
        if not 3 <= X.ndim <= 9:
            raise InputError(f"{cls.name}: X must have shape (N, n1, ..., nK), got {X.shape}")
        return cls(**{"shape": X.shape[1:], **options})

    # ---- the three maps ----------------------------------------------------------------------------

    def outer(self, factors):
        """The rank-one tensor of each factor, flattened in C order, shape (r, n1 ... nK)."""
        first, *others = (factors[k] for k in self.shapes)
        out = first
        for u in others:
            size = out.shape[1] * u.shape[1]
            out = (out[:, :, None] * u[:, None, :]).reshape(len(u), size)
        return out

    def tensor(self, factors):
        """The tensor ``sum_j u1_j o ... o uK_j``, shape (n1, ..., nK)."""
        return self.outer(factors).sum(axis=0).reshape(*self.shape)

    def flat(self, X):
        """``X`` with each measurement tensor as a row, (N, n1 ... nK)."""
        return X.reshape(len(X), int(np.prod(self.shape)))

    def adjoint(self, X, G):
        """The tensor with ``<G, Phi>_{mu_N} = <adjoint(G), tensor>``, shape (n1, ..., nK)."""
        return (G[:, 0] @ self.flat(X) / len(X)).reshape(*self.shape)

    def atoms(self, factors, X):
        return (self.outer(factors) @ self.flat(X).T)[:, :, None]

    def predict(self, factors, X):
        return (self.flat(X) @ self.outer(factors).sum(axis=0))[:, None]

    def theta(self, factors):
        first, *others = (np.sqrt(np.sum(factors[k] ** 2, axis=1)) for k in self.shapes)
        for norm in others:
            first = first * norm
        return first

    def scale(self, factors, alpha):
        """Half of ``alpha`` on each of the first two modes, in exponents; balanced factors stay so."""
        root = np.sqrt(np.asarray(alpha, float)).reshape(-1, 1)
        return {k: (root if j < 2 else 1.0) * factors[k] for j, k in enumerate(self.shapes)}

    # ---- the polar ---------------------------------------------------------------------------------

    @any_scale
    def polar(self, X, G, starts=(), effort="default", seed=0):
        check_effort(effort)
        M = self.adjoint(X, G)
        size = float(np.linalg.norm(M))
        if size == 0:
            factor = {k: np.eye(1, *s) for k, s in self.shapes.items()}
            return Polar(0.0, self.polar_upper(X, G, {}), factor, "bounded")
        T = M / size
        rng = np.random.default_rng(seed)
        begin = [rng.standard_normal((STARTS[effort], n)) for n in self.shape]
        for network in starts:
            if width(network):
                begin = [np.vstack([b, network[k]]) for b, k in zip(begin, self.shapes, strict=True)]
        best = maximizers(*power_iteration(T, begin))
        proof, (vectors, values) = self.search(T, best, effort)
        candidates = dict(zip(self.shapes, vectors, strict=True))
        upper = self.polar_upper(X, G, proof)
        lower = float(values[0]) * size
        return Polar(
            lower=lower,
            upper=max(upper, lower),
            factor={k: a[:1] for k, a in candidates.items()},
            kind="exact" if upper <= lower * (1 + 10 * CLOSED) else "bounded",
            candidates=candidates,
            proof=proof,
        )

    def search(self, T, best, effort):
        """``(proof, maximizers)`` for a tensor of norm one: the best weights found, and better starts.

        The modes are eliminated in turn, the largest first, until one interval closes.
        """
        tops = [float(np.linalg.norm(unfold(T, k), 2)) for k in range(T.ndim)]
        mode = int(np.argmin(tops))
        proof, least = {"mode": np.array(mode)}, tops[mode] ** 2
        limit = {"fast": 0, "default": LARGEST, "exact": np.inf}[effort]
        for mode in np.argsort([-n for n in self.shape], kind="stable"):
            others = self.others(mode)
            if not 0 < binomial_count(others) <= limit or least <= best[1][0] ** 2 * (1 + CLOSED / 4):
                continue
            U, rows = unfold(T, mode), binomials(others)
            Q = U.T @ U
            for _, found, Z in interior_points(Q, rows):
                best = self.improve(T, best, Z, mode)
                vectors, values = best
                near = values >= values[0] * (1 - 1e-5)
                z = products_of([v[near] for k, v in enumerate(vectors) if k != mode])
                for trial in (found, polish(Q, rows, found, z, values[near] ** 2)):
                    top = np.linalg.eigvalsh(Q + combine(trial, rows, len(Q)))[-1]
                    if top < least:
                        least, proof = top, {"mode": np.array(mode), "weights": trial}
                if least <= values[0] ** 2 * (1 + CLOSED / 4):
                    break
        return proof, best

    def others(self, mode):
        """Sizes of the modes other than ``mode``."""
        return tuple(n for k, n in enumerate(self.shape) if k != mode)

    def improve(self, T, best, Z, mode):
        """Maximizers with those reached from the leading eigenvector of the dual matrix ``Z``."""
        z = np.linalg.eigh(Z)[1][:, -1].reshape(self.others(mode))
        start = [np.linalg.svd(unfold(z, k), full_matrices=False)[0][:, :1].T for k in range(z.ndim)]
        start.insert(mode, np.zeros((1, self.shape[mode])))
        vectors, values = power_iteration(T, start)
        if values[0] <= best[1][0] * (1 + 1e-14):
            return best
        return maximizers(
            [np.vstack(p) for p in zip(best[0], vectors, strict=True)], np.append(best[1], values)
        )

    def form(self, M, proof, norm2):
        """The unfolding of ``M`` along the proof's mode and the matrix N, None when there is none."""
        mode = int(proof.get("mode", np.argmax(self.shape)))
        if not 0 <= mode < len(self.shape):
            raise ValueError("no such mode")
        U = np.moveaxis(M, mode, 0).reshape(self.shape[mode], -1)
        if "weights" not in proof:
            return U, None
        rows = binomials(self.others(mode))
        weights = np.asarray(proof["weights"], float)
        if weights.shape != (len(rows),) or not np.all(np.isfinite(weights)):
            raise ValueError("one finite weight for every binomial")
        return U, combine(norm2 * weights, rows, U.shape[1])

    @any_scale_upper
    def polar_upper(self, X, G, proof):
        r"""``sqrt(lambda_max(U^T U + N))`` with the proof's N, rounded outward; U is an unfolding."""
        M = self.adjoint(X, G)
        size = float(np.linalg.norm(M))
        magnitude = float(np.abs(G[:, 0]) @ np.linalg.norm(self.flat(X), axis=1)) / len(X)
        error = rounding_margin(len(X), magnitude)
        if size == 0:
            return error
        U, N = self.form(M / size, proof, 1.0)
        top = float(np.linalg.norm(U, 2))
        if N is None:
            return size * top + error + rounding_margin(0, 0.0, size * top, sum(U.shape))
        square = largest_eigenvalue(U.T @ U + N, sum(U.shape), 1.0 + float(np.linalg.norm(N)))
        error = error / size + 4 * EPS
        return size * float(np.sqrt(max(square, 0.0) + 2 * top * error + error**2)) * (1 + 8 * EPS)

    def prove_polar(self, X, G, bound, proof):
        from ..rigor.balls import arbs, matmul, to_arb, upper

        M = self.adjoint(X, G)
        size = upper(np.sqrt((M * M).sum()))
        U, N = self.form(M, proof, to_arb(size * size))  # a rounded sum of weights could leave the space
        if N is None:
            return spectral_at_most(U, bound)
        K = -arbs(matmul(U.T, U)) - arbs(N)
        K[np.diag_indices(len(K))] += to_arb(bound) ** 2
        return positive_definite(K)

    # ---- training ----------------------------------------------------------------------------------

    def vjp(self, factors, X, G):
        from ..polars.tensor import contract

        M, vectors = self.adjoint(X, G), [factors[k] for k in self.shapes]
        return {k: contract(M, vectors, j) for j, k in enumerate(self.shapes)}

    def surrogate(self, factors):
        """``(|u1|^2 + |u2|^2 ... |uK|^2)/2`` summed over the factors."""
        squares = [np.sum(factors[k] ** 2, axis=1, keepdims=True) for k in self.shapes]
        rest = np.prod(squares[1:], axis=0)
        grad = {"u1": factors["u1"].copy()}
        for j, k in enumerate(list(self.shapes)[1:], start=1):
            grad[k] = np.prod(squares[1:j] + squares[j + 1 :], axis=0) * factors[k]
        return 0.5 * float(np.sum(squares[0] + rest)), grad

    def balance(self, factors):
        """Modes 3 to K of length one, the other two of equal length."""
        norms = {k: np.sqrt(np.sum(factors[k] ** 2, axis=1, keepdims=True)) for k in self.shapes}
        cost = np.prod(list(norms.values()), axis=0)
        out = {}
        for j, k in enumerate(self.shapes):
            target = np.sqrt(cost) if j < 2 else (cost > 0).astype(float)
            out[k] = factors[k] * np.where(norms[k] > 0, target / np.where(norms[k] > 0, norms[k], 1.0), 0.0)
        return out

    def merge(self, factors, X=None):
        """Copies added up, whatever their signs; for two modes the singular value decomposition."""
        if len(self.shape) == 2:
            u, v = svd_split(self.tensor(factors))
            return {"u1": u, "u2": v}
        vectors, signs = [factors[k] for k in self.shapes], 1.0
        for j in range(1, len(vectors)):
            v = vectors[j]
            peak = np.take_along_axis(v, np.abs(v).argmax(axis=1, keepdims=True), axis=1)
            sign = np.where(peak < 0, -1.0, 1.0)
            vectors[j], signs = sign * v, signs * sign
        vectors[0] = signs * vectors[0]
        return super().merge(dict(zip(self.shapes, vectors, strict=True)), X)

    # ---- reference programs --------------------------------------------------------------------------

    def relaxation(self, X):
        r"""``(prediction, value, constraints)``: the relaxed nuclear norm, at most Omega.

        The least ``(tr P + tr R)/2`` with ``[[P, U], [U^T, R]]`` positive semidefinite, U the unfolding
        of a tensor with the predictions, R orthogonal to every binomial: the dual of the bound above.
        It equals Omega whenever some tensor's certificate closes, and always if :attr:`is_tight`.
        """
        import cvxpy as cp

        mode = int(np.argmax(self.shape))
        others = self.others(mode)
        m, n = self.shape[mode], int(np.prod(others))
        S = cp.Variable((m + n, m + n), PSD=True)
        rows = binomials(others) + m
        constraints = []
        if len(rows):
            a, b, c, d = rows.T
            constraints = [S[a, b] == S[c, d]]
        A = np.moveaxis(X, mode + 1, 1).reshape(len(X), m * n)
        F = cp.reshape(A @ cp.reshape(S[:m, m:], (m * n,), order="C"), (len(X), 1), order="C")
        return F, cp.trace(S) / 2, constraints

    @property
    def is_tight(self):
        """Whether the relaxation is exact for every tensor: at most one of the lesser modes exceeds 2."""
        lesser = sorted(self.shape)[:-1]
        return len([n for n in lesser if n > 1]) <= 2 and len([n for n in lesser if n > 2]) <= 1

    def convex_program(self, X):
        """The relaxation where it is a theorem that it is exact; see :attr:`is_tight`."""
        if not self.is_tight:
            raise InputError(f"{self.name}: no finite convex program is known to be exact for {self.shape}")
        return self.relaxation(X)

    def omega(self, X, F):
        """The least nuclear norm of a tensor with predictions ``F``, where the program is exact."""
        import cvxpy as cp

        from ..programs.solve import solve_program

        prediction, value, constraints = self.convex_program(X)
        F, A = np.asarray(F, float), self.flat(X)
        t = np.linalg.lstsq(A, F[:, 0], rcond=None)[0]
        if np.linalg.norm(A @ t - F[:, 0]) > 1e-9 * max(1.0, np.linalg.norm(F)):
            return np.inf
        size = float(np.linalg.norm(F))
        if size == 0:
            return 0.0
        return size * solve_program(cp.Minimize(value), [*constraints, prediction == F / size])

    # ---- the population ----------------------------------------------------------------------------

    descends_plainly = True
    device_model = models.Tensor

    def unit_constants(self, a):
        """Products of K vectors of norm at most one."""
        return a, len(self.shapes)

    def linear_map(self, factors):
        return self.tensor(factors)


def unfold(T, mode):
    """The matrix with mode ``mode`` as rows, the others as columns in C order."""
    return np.moveaxis(T, mode, 0).reshape(T.shape[mode], -1)


def products_of(vectors):
    """Row-wise outer products, flattened: (s, n_a), (s, n_b), ... -> (s, n_a n_b ...)."""
    out = vectors[0]
    for v in vectors[1:]:
        out = (out[:, :, None] * v[:, None, :]).reshape(len(out), -1)
    return out


def maximizers(vectors, values, most=16, least=0.3):
    """Distinct unit maximizers with positive value, best first: arrays (s, n_k) and values (s,)."""
    sign = np.where(values < 0, -1.0, 1.0)
    vectors, values = [sign[:, None] * vectors[0], *vectors[1:]], np.abs(values)
    kept = []
    for j in np.argsort(-values, kind="stable"):
        if len(kept) == most or (kept and values[j] < least * values[kept[0]]):
            break
        overlap = np.ones(len(kept))
        for v in vectors:
            overlap = overlap * (v[kept] @ v[j])
        if not np.any(overlap > 1 - 1e-6):
            kept.append(j)
    return [v[kept] for v in vectors], values[kept]
