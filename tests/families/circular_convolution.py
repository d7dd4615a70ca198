import numpy as np

from ppkit.checks import Proof
from ppkit.families.linear_maps import mean_rounding
from ppkit.families.outer_product import OuterProductFamily
from ppkit.polars.base import Found
from ppkit.polars.spectral import SpectralNorm


class FourierNorm(SpectralNorm):
    """The largest Fourier coefficient of m: the largest singular value of the matrix ``m[i + j mod n]``."""

    def find(self, M, starts, effort, seed):
        c, j = np.fft.rfft(M[0]), np.arange(len(M))
        k = np.argsort(-np.abs(c), kind="stable")[:16, None]
        waves = np.cos([2 * np.pi * k * j / len(j) + shift for shift in (np.angle(c[k]), 0.0)])
        u, v = waves / np.linalg.norm(waves, axis=2, keepdims=True)
        return Found({"u": u, "v": v}, np.einsum("ki,ij,kj->k", u, M, v), Proof("spectral"))


class CircularConvolution(OuterProductFamily):
    """Linear networks of two circular convolutions, ``phi(u, v)(x) = <x, u * v>``: X (N, n), Y (N,)."""

    name, n_outputs, norm = "circular-convolution", 1, FourierNorm()
    shapes = property(lambda self: {"u": self.shape[:1], "v": self.shape[1:]})
    input_shape = property(lambda self: self.shape[:1])
    from_data = classmethod(lambda cls, X, Y, **options: cls(**{"n": np.shape(X)[1], **options}))

    def __init__(self, n):
        self.shape, self.sums = (n, n), np.add.outer(np.arange(n), np.arange(n)) % n

    def params(self):
        return {"n": self.shape[0]}

    def forward(self, M, X):
        return X[:, self.sums.ravel()] @ M.reshape(-1, 1)

    def adjoint(self, X, G):
        return (G[:, 0] @ X / len(X))[self.sums]

    def rounding(self, X, G):
        return mean_rounding(np.sqrt(self.shape[0]) * X, G)

    def unit_constants(self, a):
        return np.sqrt(self.shape[0]) * a, 2.0
