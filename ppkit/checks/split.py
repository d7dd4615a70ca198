r"""Upper bounds for the operator norm between a pair of vector norms: weights, splits, shifts.

For :math:`\sup\{u^\top S v : \|u\|_{row} \le 1, \|v\|_{col} \le 1\}` and any positive weights d (of sum
one; the identity on an l2 side), any split and, under sign constraints, any shift :math:`P \ge 0`,

.. math:: S + P = A + B + C + D, \quad
    \max\{\|D_d^{-1/2} A D_e^{-1/2}\|, \max_i \|B_i\|_*/\gamma, \max_k \|C^k\|_*/\gamma',
    \max_{ik}|D_{ik}|/\gamma\gamma'\}

is an upper bound.  A side "linf" under sign constraints enters with the coordinates ``(1, 2u - 1)``, see
:meth:`SplitBound.lifts`.  B, C and D stand for the l1 parts of mixtures on the row, the column, both sides.
Every choice is valid, so nothing rests on the optimizer that chooses.
"""

from dataclasses import dataclass

import numpy as np

from ..rigor.balls import Balls, arbs, to_arb
from ..rigor.margins import EPS
from ..rigor.matrices import positive_definite
from .vector_norms import L1L2, L2, LInf, VectorNorm

SMOOTHING = 1e-7
STAGES = {"fast": ((8, 30), (64, 30)), "default": ((8, 60), (64, 100), (512, 200), (4096, 200))}
STAGES["exact"] = (*STAGES["default"], (32768, 400))


@dataclass(frozen=True)
class SplitBound:
    """The bound of one pair of norms, of the kinds l2, linf and l1+l2."""

    row: VectorNorm
    col: VectorNorm
    nonnegative: bool

    @property
    def pieces(self):
        """``name -> (norm of a line, lines are columns, price)`` of the pieces beside the main one."""
        out = {}
        row, col = main_part(self.row), main_part(self.col)
        if isinstance(self.row, L1L2):
            out["rows"] = (col, False, self.row.gamma)
        if isinstance(self.col, L1L2):
            out["columns"] = (row, True, self.col.gamma)
        if len(out) == 2:
            out["entries"] = (None, False, self.row.gamma * self.col.gamma)
        return out

    def lifts(self, shape):
        """``((L, G), (L', G'))``: the matrix ``L S L'^T`` is bounded, shifts are ``G P G'^T`` with P >= 0.

        Under sign constraints a side "linf" has ``u = (1 + s)/2`` with ``|s_i| <= 1``: the coordinates
        become ``(1, s)``, and of ``1 + s_i >= 0`` and ``1 - s_i >= 0`` both give shifts.
        """
        out = []
        for norm, n in zip((self.row, self.col), shape, strict=True):
            if isinstance(norm, LInf):
                half = 0.5 * np.ones((1, n)), 0.5 * np.eye(n)
                L = np.vstack(half)
                out.append((L, np.hstack([L, np.vstack([half[0], -half[1]])])))
            else:
                out.append((np.eye(n), np.eye(n)))
        return tuple(out)

    def sizes(self, shape):
        """Shapes of the matrix to be bounded and of the shift."""
        if not self.nonnegative:
            return shape, shape
        (L, G), (R, H) = self.lifts(shape)
        return (len(L), len(R)), (G.shape[1], H.shape[1])

    def assemble(self, S, P, weigh=np.positive):
        """The matrix to be bounded, before pieces are taken off; ``weigh=np.abs`` for a sum of sizes."""
        if not self.nonnegative:
            return weigh(S)
        (L, G), (R, H) = self.lifts(S.shape)
        return weigh(L) @ weigh(S) @ weigh(R).T + weigh(G) @ P @ weigh(H).T

    def parts(self, proof, size, shape):
        """``(d, e, P, pieces)`` of a proof for a matrix of Frobenius norm about one, times ``size``."""
        full, free = self.sizes(shape)
        d, e = (self.weights(proof.get(k), n) for k, n in zip(("d", "e"), full, strict=True))
        P = self.matrix(proof.get("shift"), free)
        if np.any(P < 0) or (np.any(P) and not self.nonnegative):
            raise ValueError("a shift is non-negative, and zero without sign constraints")
        return d, e, P * size, {k: self.matrix(proof.get(k), full) * size for k in self.pieces}

    def weights(self, values, n):
        """Positive weights, ones if there are none."""
        w = np.ones(n) if values is None else np.asarray(values, float)
        if w.shape != (n,) or not np.all(np.isfinite(w)) or not np.all(w > 0):
            raise ValueError("one positive weight for every line")
        return w

    def matrix(self, values, shape):
        """A finite matrix, zero if there is none."""
        M = np.zeros(shape) if values is None else np.asarray(values, float)
        if M.shape != shape or not np.all(np.isfinite(M)):
            raise ValueError("a finite matrix of the shape of the problem")
        return M

    def budget(self, norm, weights):
        """The largest ``sum_i weights_i u_i^2`` over the unit ball of the norm's main part."""
        return weights.sum() if isinstance(norm, LInf) else weights.max()

    def upper(self, S, proof):
        """The bound that ``proof`` gives for ``S`` (m, n), rounded outward; scale free."""
        size = float(np.linalg.norm(S))
        d, e, P, pieces = self.parts(proof, size, S.shape)
        A = self.assemble(S, P) - sum(pieces.values())
        total = self.assemble(S, P, np.abs) + sum(np.abs(M) for M in pieces.values())
        root = np.sqrt(self.budget(self.row, d) * self.budget(self.col, e))
        scale = root / (np.sqrt(d)[:, None] * np.sqrt(e))
        main = float(np.linalg.norm(A * scale, 2))
        main += (16 + 4 * sum(S.shape)) * EPS * float(np.linalg.norm(total * scale))
        lines = [line_value(M, *self.pieces[k]) for k, M in pieces.items()]
        return max([main, *lines]) * (1 + 8 * (sum(S.shape) + 4) * EPS)

    def prove(self, S, bound, proof):
        """Whether the bound is proved to be at most ``bound``, for Balls ``S``."""
        size = float(np.sqrt(np.sum(mid(S) ** 2)))
        d, e, P, pieces = self.parts(proof, size, S.shape)
        A = self.assemble(S, Balls(P))
        for k, M in pieces.items():
            A = A - M
            norm, columns, price = self.pieces[k]
            lines = Balls(M.T if columns else M)
            top = to_arb(bound) * to_arb(price)
            if norm is None:
                if not all(abs(x) <= top for x in arbs(lines).flat):
                    return False
            elif not norm.dual_at_most(lines, top):
                return False
        m = len(d)
        K = np.full((m + len(e),) * 2, to_arb(0), object)
        K[:m, m:], K[m:, :m] = -arbs(A), -arbs(A).T
        for at, norm, w in ((0, self.row, d), (m, self.col, e)):
            w = arbs(w)
            total = w.sum() if isinstance(norm, LInf) else max(w, key=float)
            for i, x in enumerate(w):
                K[at + i, at + i] = to_arb(bound) * x / total
        return positive_definite(K)

    def directions(self, S, proof, count, seed):
        """Random ``v`` from the leading singular vectors of the scaled matrix: Gaussian rounding."""
        d, e, P, pieces = self.parts(proof, float(np.linalg.norm(S)), S.shape)
        A = (self.assemble(S, P) - sum(pieces.values())) / (np.sqrt(d)[:, None] * np.sqrt(e))
        _, s, Vt = np.linalg.svd(A, full_matrices=False)
        Vt = Vt[s >= 0.99 * s[0]]
        drawn = np.random.default_rng(seed).standard_normal((count, len(Vt))) @ Vt / np.sqrt(e)
        return drawn if len(e) == S.shape[1] else drawn[:, 1:] * np.sign(drawn[:, :1])

    # ---- the choice ---------------------------------------------------------------------------------

    def minimize(self, S, effort):
        """A proof with a small bound for ``S`` of Frobenius norm about one, and the bound.

        L-BFGS on p-norms of all the numbers whose maximum is the bound, p growing.
        """
        from scipy.optimize import Bounds, minimize

        layout = self.layout(S)
        z = np.concatenate([a.ravel() for a in layout.values()])
        low = np.concatenate([np.full(a.size, 0.0 if k == "shift" else -np.inf) for k, a in layout.items()])
        first = self.proof(z, layout)
        choices = [first, {k: a for k, a in first.items() if k != "shift"}]  # no shift is often the best
        best = min(choices, key=lambda proof: self.upper(S, proof))
        least = self.upper(S, best)
        for p, steps in STAGES[effort] if least > 1e-14 else ():
            result = minimize(
                self.smooth,
                z,
                (S, layout, p),
                jac=True,
                method="L-BFGS-B",
                bounds=Bounds(low, np.inf),
                options={"maxiter": steps, "maxcor": 20, "ftol": 1e-15, "gtol": 1e-12},
            )
            z = result.x
            proof = self.proof(z, layout)
            value = self.upper(S, proof)
            if value < least:
                least, best = value, proof
        return best, least

    def layout(self, S):
        """Starting values of all the variables: log weights, pieces, shift."""
        out, (full, free) = {}, self.sizes(S.shape)
        P = np.zeros(free)
        P[: S.shape[0], : S.shape[1]] = np.maximum(-S, 0.0)
        A = self.assemble(S, P)
        for k, norm, axis in (("d", self.row, 1), ("e", self.col, 0)):
            if isinstance(norm, LInf):
                length = np.linalg.norm(A, axis=axis)
                out[k] = np.log(np.maximum(length, 1e-6 * max(length.max(), 1e-300)))
        out.update({k: np.zeros(full) for k in self.pieces})
        return out | ({"shift": P} if self.nonnegative else {})

    def proof(self, z, layout):
        """The variables by name, weights no longer logarithms."""
        out, at = {}, 0
        for k, a in layout.items():
            part = z[at : at + a.size].reshape(a.shape)
            out[k] = np.exp(np.clip(part - part.max(), -60, 0)) if k in ("d", "e") else part
            at += a.size
        return out

    def smooth(self, z, S, layout, p):
        """The p-norm of all the numbers, logarithm taken, and its gradient."""
        parts = self.proof(z, layout)
        d, e = (parts.get(k, np.ones(n)) for k, n in zip(("d", "e"), self.sizes(S.shape)[0], strict=True))
        A = self.assemble(S, parts.get("shift")) - sum(parts[k] for k in self.pieces)
        root = np.sqrt(self.budget(self.row, d) * self.budget(self.col, e))
        scale = root / (np.sqrt(d)[:, None] * np.sqrt(e))
        U, s, Vt = np.linalg.svd(A * scale, full_matrices=False)
        lines = {k: smooth_lines(parts[k], *self.pieces[k]) for k in self.pieces}
        numbers = np.concatenate([s, *(value.ravel() for value, _ in lines.values())])
        top = max(numbers.max(), 1e-300)
        total = max(np.sum((numbers / top) ** p), 1e-300)
        slope = (numbers / top) ** (p - 1) / total / top  # of log |numbers|_p
        H = (U * slope[: len(s)]) @ Vt
        g = H * scale
        grad, at = {}, len(s)
        for k, (value, derivative) in lines.items():
            weight = slope[at : at + value.size].reshape(value.shape)
            grad[k] = derivative(weight) - g
            at += value.size
        share = H * A * scale
        if "d" in parts:
            grad["d"] = 0.5 * (d / d.sum() * share.sum() - share.sum(axis=1))
        if "e" in parts:
            grad["e"] = 0.5 * (e / e.sum() * share.sum() - share.sum(axis=0))
        if self.nonnegative:
            (_, G), (_, H) = self.lifts(S.shape)
            grad["shift"] = G.T @ g @ H
        return np.log(top) + np.log(total) / p, np.concatenate([grad[k].ravel() for k in layout])


def main_part(norm):
    """The norm itself, or the l2 part of a mixture."""
    return L2() if isinstance(norm, L1L2) else norm


def line_value(M, norm, columns, price):
    """The largest dual norm of a line (or entry) over its price."""
    if norm is None:
        return float(np.abs(M).max()) / price
    return float(norm.dual(M.T if columns else M).max()) / price


def smooth_lines(M, norm, columns, price):
    """``(values, gradient for given weights)`` of all the lines' dual norms over their price, smoothed."""
    size = np.sqrt(M**2 + SMOOTHING**2)
    if norm is None:
        return size / price, lambda w: w * M / size / price
    axis = 0 if columns else 1
    if isinstance(norm, LInf):
        return size.sum(axis=axis) / price, lambda w: np.expand_dims(w, axis) * M / size / price
    length = np.sqrt(np.sum(M**2, axis=axis) + SMOOTHING**2)
    return length / price, lambda w: np.expand_dims(w / length, axis) * M / price


def mid(a):
    """The midpoints of Balls, as floats."""
    return arbs(a).astype(float)
