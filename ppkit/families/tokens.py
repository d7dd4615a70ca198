"""Inputs of tokens, and which of them ask: what the two attention families share."""

from typing import Any, Self

import numpy as np

from ..errors import InputError
from ..factors import Numbers, as_float, check_sizes, sample_shape
from .base import Family

QUERIES = ("mean", "last", "all")


class Tokens(Family):
    """Abstract: an input holds T tokens of d features, one a row, and each answer c numbers.

    The mean of the tokens asks (``query="mean"``), the last one (``"last"``), or each in turn (``"all"``,
    T answers).
    """

    def __init__(self, n_features: int, n_tokens: int, n_outputs: int, query: str):
        check_sizes(self.name, n_features=n_features, n_tokens=n_tokens, n_outputs=n_outputs)
        if query not in QUERIES:
            raise InputError(f"{self.name}: query must be one of {', '.join(QUERIES)}, got {query!r}")
        self.n_features, self.n_tokens, self.n_values = int(n_features), int(n_tokens), int(n_outputs)
        self.query = query

    @property
    def input_shape(self) -> tuple[int, int]:
        return self.n_tokens, self.n_features

    @property
    def n_queries(self) -> int:
        """Number of tokens that ask: 1, or T when all do."""
        return self.n_tokens if self.query == "all" else 1

    @property
    def n_outputs(self) -> int:
        return self.n_queries * self.n_values

    def params(self) -> dict[str, Any]:
        return {
            "n_features": self.n_features,
            "n_tokens": self.n_tokens,
            "n_outputs": self.n_values,
            "query": self.query,
        }

    @classmethod
    def from_data(cls, X: Any, Y: Any, **options: Any) -> Self:
        n_tokens, n_features = sample_shape(cls.name, X, "N, T, d")
        Y = as_float(Y, "Y")
        sizes = {
            "n_features": n_features,
            "n_tokens": n_tokens,
            "n_outputs": 1 if Y.ndim < 2 else Y.shape[-1],
        }
        if options.get("query") == "all" and Y.ndim == 2:
            sizes["n_outputs"] = max(1, Y.shape[1] // n_tokens)
        return cls(**{**sizes, **({"query": "all"} if Y.ndim == 3 else {}), **options})

    def check_data(self, X: Any, Y: Any) -> tuple[Any, Any]:
        if self.query == "all" and np.ndim(Y) == 3:
            if np.shape(Y)[1:] != (self.n_tokens, self.n_values):
                shape = f"(N, {self.n_tokens}, {self.n_values})"
                raise InputError(f"{self.name}: Y must have shape {shape}, got {np.shape(Y)}")
            Y = np.reshape(Y, (len(Y), -1))
        return super().check_data(X, Y)

    def input_sizes(self, X: np.ndarray) -> np.ndarray:
        """The longest token of each input."""
        return np.linalg.norm(X, axis=2).max(axis=1)

    def asking(self, X: Numbers) -> Numbers:
        """The tokens that ask, (N, q, d)."""
        if self.query == "mean":
            return X.mean(axis=1, keepdims=True)
        return X[:, -1:] if self.query == "last" else X
