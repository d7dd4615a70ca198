"""Smooth coordinates of a ball of matrices: descent and ascent there cannot leave it."""

import numpy as np

from ..factors import Array


def to_ball(z: Array, radius: float) -> Array:
    """Points of the closed ball: ``radius sin(|z|) z/|z|`` for each leading index."""
    size = norms(z)
    return radius * np.sinc(size / np.pi) * z


def from_ball(W: Array, radius: float) -> Array:
    """A point that :func:`to_ball` maps to ``W``, or just inside when ``W`` is on the sphere.

    Radially the map stands still on the sphere, and a descent that starts there could not leave it.
    """
    size = norms(W)
    angle = np.arcsin(np.minimum(size / radius, 1 - 1e-7))
    return np.where(size > 0, angle / np.where(size > 0, size, 1.0), 1 / radius) * W


def pull_back(z: Array, radius: float, slope: Array) -> Array:
    """Gradient in ``z`` from the gradient ``slope`` in ``to_ball(z)``."""
    size = norms(z)
    safe = np.maximum(size, 1e-8)
    along = np.sum(slope * z, axis=(1, 2), keepdims=True)
    change = np.where(size > 1e-4, (np.cos(size) - np.sinc(size / np.pi)) / safe**2, -1 / 3)
    return radius * (np.sinc(size / np.pi) * slope + change * along * z)


def norms(W: Array) -> Array:
    """Frobenius norms of the matrices (k, a, b), shape (k, 1, 1)."""
    return np.sqrt(np.sum(W**2, axis=(1, 2), keepdims=True))
