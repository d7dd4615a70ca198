r"""Arrays of real balls (python-flint), so that the package's own formulas run with proved rounding.

A ball is a midpoint and a radius that holds the true number.  :class:`Balls` answers numpy's
operators and a short list of its functions, hence ``family.predict``, ``family.theta``,
``loss.value`` and ``loss.conjugate`` run on it as they stand: the verifier re-evaluates the SAME
code in another number system.  Whatever is not on the list raises, a ball never turns into a float
on the way, and a comparison that the balls leave open raises :class:`NoProof`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..factors import Numbers

BITS = 128


class NoProof(Exception):
    """Ball arithmetic cannot decide here; nothing is wrong, and nothing is proved."""


class NotInBalls(NoProof, TypeError, AttributeError):
    """A formula that uses what arrays of floats have and balls do not; it may have to round on the way."""


def available() -> bool:
    """Whether python-flint is installed."""
    try:
        import flint  # noqa: F401
    except ImportError:
        return False
    return True


@contextmanager
def precision(bits: int = BITS) -> Iterator[None]:
    """Ball arithmetic with ``bits`` bits inside the block."""
    from flint import ctx

    before, ctx.prec = ctx.prec, bits
    try:
        yield
    finally:
        ctx.prec = before


class Balls(NDArrayOperatorsMixin):
    """An array of balls; read-only.

    ``payload`` is a float64 array, each entry an exact number, or an object array of ``flint.arb``.
    Floats become balls only where they are used: a ball takes ten times the memory.
    """

    __slots__ = ("payload",)

    def __init__(self, values: Any) -> None:
        self.payload = values if isinstance(values, np.ndarray) else np.asarray(values)

    # ---- shape ------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return self.payload.shape

    @property
    def ndim(self) -> int:
        return self.payload.ndim

    @property
    def size(self) -> int:
        return self.payload.size

    @property
    def T(self) -> Balls:
        return Balls(self.payload.T)

    def __len__(self) -> int:
        return len(self.payload)

    def __getitem__(self, index: Any) -> Numbers:
        return wrap(self.payload[index])

    def __iter__(self) -> Iterator[Balls]:
        return (self[i] for i in range(len(self)))

    def reshape(self, *shape: Any) -> Balls:
        return Balls(self.payload.reshape(*shape))

    def ravel(self) -> Balls:
        return Balls(self.payload.ravel())

    def transpose(self, *axes: int) -> Balls:
        return Balls(self.payload.transpose(*axes))

    def swapaxes(self, a: int, b: int) -> Balls:
        return Balls(self.payload.swapaxes(a, b))

    # ---- reductions -------------------------------------------------------------------------------

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Balls:
        return wrap(arbs(self).sum(axis=axis, keepdims=keepdims))

    def mean(self, axis: int | None = None, keepdims: bool = False) -> Balls:
        total = self.sum(axis=axis, keepdims=keepdims)
        return total / (self.size // max(1, total.size))

    def max(self, axis: int | None = None, keepdims: bool = False) -> Balls:
        return reduce_pairs(lambda a, b: a.max(b), self, axis, keepdims)

    def min(self, axis: int | None = None, keepdims: bool = False) -> Balls:
        return reduce_pairs(lambda a, b: a.min(b), self, axis, keepdims)

    # ---- guards -----------------------------------------------------------------------------------

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotInBalls("a ball is never rounded to a float on the way")

    def __bool__(self) -> NoReturn:
        raise NotInBalls("a ball is not a truth value")

    def __float__(self) -> NoReturn:
        raise NotInBalls("a ball is never rounded to a float on the way")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"neither balls nor arrays have {name!r}")
        raise NotInBalls(f"no ball arithmetic for the attribute {name} of arrays")

    # ---- numpy ------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Balls:
        kwargs = {k: v for k, v in kwargs.items() if v is not None}
        if method == "reduce" and ufunc in REDUCTIONS and len(inputs) == 1:
            return _call(REDUCTIONS[ufunc], inputs, kwargs)
        if method != "__call__" or kwargs:
            raise NotInBalls(f"no ball arithmetic for {ufunc.__name__}.{method} with {sorted(kwargs)}")
        if ufunc.__name__ not in ELEMENTWISE:
            raise NotInBalls(f"no ball arithmetic for {ufunc.__name__}")
        return ELEMENTWISE[ufunc.__name__](*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Balls:
        if function in MOVES:
            return wrap(function(*payloads(args), **kwargs))
        if function in SUMS:
            return wrap(function(*(arbs_in(a) for a in args), **kwargs))
        if function in OWN:
            return _call(OWN[function], args, kwargs)
        raise NotInBalls(f"no ball arithmetic for {function.__name__}")


def _call(function: Callable, args: Any, kwargs: Any) -> Any:
    """``function(*args, **kwargs)``; :class:`NotInBalls` for an option of numpy's that it does not have."""
    try:
        signature(function).bind(*args, **kwargs)
    except TypeError as error:
        raise NotInBalls(f"no ball arithmetic for this call: {error}") from None
    return function(*args, **kwargs)


# ---- conversions ----------------------------------------------------------------------------------


def to_arb(x: Any) -> Any:
    """One number as a ball, exactly."""
    from flint import arb

    return x if isinstance(x, arb) else arb(x.item() if isinstance(x, np.generic) else x)


def arbs(a: Numbers) -> np.ndarray:
    """Any array or number as an object array of balls."""
    a = a.payload if isinstance(a, Balls) else np.asarray(a)
    if a.dtype == object and a.size and type(a.flat[0]).__name__ == "arb":
        return a
    if a.dtype.kind not in "fiubO":
        raise NotInBalls(f"no ball for entries of type {a.dtype}")
    if a.dtype.kind in "bu":
        a = a.astype(np.int64)
    from flint import arb

    return np.array([*map(arb, a.ravel().tolist()), None], object)[:-1].reshape(a.shape)


def wrap(result: Any) -> Balls:
    """A numpy result as Balls (an empty sum, the integer 0, becomes a ball like the others)."""
    if isinstance(result, np.ndarray):
        if result.dtype == object:
            return Balls(arbs(result))
        return Balls(result)
    out = np.empty((), object)
    out[()] = to_arb(result)
    return Balls(out)


def payloads(args: Sequence[Any]) -> list[Any]:
    """Positional arguments with Balls replaced by arrays; several arrays become balls first."""
    several = (list, tuple)
    return [a.payload if isinstance(a, Balls) else arbs_in(a) if isinstance(a, several) else a for a in args]


def arbs_in(a: Any) -> Any:
    """``a`` with every Balls (and, next to one in a list, every array) as an object array of balls."""
    if isinstance(a, tuple | list) and any(isinstance(b, Balls) for b in a):
        return [arbs(b) for b in a]
    return arbs(a) if isinstance(a, Balls | np.ndarray) else a


# ---- elementwise functions --------------------------------------------------------------------------


def elementwise(function: Callable[..., Any], n: int) -> Callable[..., Any]:
    """``function`` of n balls, broadcast over arrays."""
    vector = np.frompyfunc(function, n, 1)
    return lambda *inputs: wrap(vector(*(arbs(a) for a in inputs)))


def comparison(yes: Callable[..., Any], no: Callable[..., Any]) -> Callable[..., Any]:
    """A comparison that is either proved or refuted for every entry."""

    def decide(a, b):
        if yes(a, b):
            return True
        if no(a, b):
            return False
        raise NoProof("a sign that decides between two formulas is not determined")

    vector = np.frompyfunc(decide, 2, 1)
    return lambda a, b: np.asarray(vector(arbs(a), arbs(b)), dtype=bool)


def power(base: Numbers, exponent: Any) -> Balls:
    """``base ** exponent`` for one numeric exponent."""
    if not isinstance(exponent, int | float | np.number):
        raise NotInBalls("no ball arithmetic for an array of exponents")
    if float(exponent).is_integer():
        return elementwise(lambda x: x ** int(exponent), 1)(base)
    return elementwise(lambda x: x ** to_arb(exponent), 1)(base)


def matmul(a: Numbers, b: Numbers) -> Balls:
    """Matrix product, of stacks of matrices too."""
    a, b = numbers(a), numbers(b)
    left, right = a if a.ndim > 1 else a[None], b if b.ndim > 1 else b[:, None]
    stack = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    left, right = (np.broadcast_to(c, stack + c.shape[-2:]) for c in (left, right))
    out = np.empty((*stack, left.shape[-2], right.shape[-1]), object)
    for i in np.ndindex(stack):
        out[i].reshape(-1)[:] = (as_matrix(left[i]) * as_matrix(right[i])).entries()
    columns = b.shape[-1:] if b.ndim > 1 else ()
    return wrap(out.reshape(stack + a.shape[-2:-1] + columns))


def numbers(a: Numbers) -> np.ndarray:
    """The payload of Balls or an array, numbers that are no floats as balls."""
    a = a.payload if isinstance(a, Balls) else np.asarray(a)
    return a if a.dtype == np.float64 else arbs(a)


def as_matrix(a: np.ndarray) -> Any:
    """A 2-d array of floats or balls as an ``arb_mat``, whose products are 30 times as fast as numpy's."""
    from flint import arb_mat

    rows, columns = a.shape
    return arb_mat(rows, columns, a.ravel().tolist())


def unless_zero(x: Any, log: Callable[..., Any]) -> Any:
    """``x log()``, zero where x is exactly zero."""
    return x if x == 0 else x * log()


ELEMENTWISE: dict[str, Callable[..., Balls]] = {
    "add": elementwise(lambda a, b: a + b, 2),
    "subtract": elementwise(lambda a, b: a - b, 2),
    "multiply": elementwise(lambda a, b: a * b, 2),
    "divide": elementwise(lambda a, b: a / b, 2),
    "negative": elementwise(lambda a: -a, 1),
    "positive": elementwise(lambda a: a, 1),
    "absolute": elementwise(abs, 1),
    "square": elementwise(lambda a: a**2, 1),
    "sqrt": elementwise(lambda a: a.sqrt(), 1),
    "exp": elementwise(lambda a: a.exp(), 1),
    "log": elementwise(lambda a: a.log(), 1),
    "maximum": elementwise(lambda a, b: a.max(b), 2),
    "minimum": elementwise(lambda a, b: a.min(b), 2),
    "logaddexp": elementwise(lambda a, b: a + (b - a).exp().log1p(), 2),
    "xlogy": elementwise(lambda x, y: unless_zero(x, y.log), 2),
    "xlog1py": elementwise(lambda x, y: unless_zero(x, y.log1p), 2),
    "greater": comparison(lambda a, b: a > b, lambda a, b: a <= b),
    "greater_equal": comparison(lambda a, b: a >= b, lambda a, b: a < b),
    "less": comparison(lambda a, b: a < b, lambda a, b: a >= b),
    "less_equal": comparison(lambda a, b: a <= b, lambda a, b: a > b),
    "power": power,
    "matmul": matmul,
}


# ---- reductions, selections and norms -----------------------------------------------------------------


def reduce_pairs(
    function: Callable[..., Any], a: Numbers, axis: int | None = None, keepdims: bool = False
) -> Balls:
    """Fold ``function`` of two balls along one axis (or all of them)."""
    values = arbs(a)
    flat = values.reshape(-1) if axis is None else values
    out = np.frompyfunc(function, 2, 1).reduce(flat, axis=0 if axis is None else axis)
    if keepdims:
        out = np.reshape(out, (1,) * values.ndim) if axis is None else np.expand_dims(out, axis)
    return wrap(out)


def norm(a: Balls, ord: float | None = None, axis: int | None = None, keepdims: bool = False) -> Balls:
    """Vector norms 1, 2 and inf along one axis, and the Euclidean norm of all entries."""
    if axis is None and ord is not None and a.ndim > 1:
        raise NotInBalls("no ball arithmetic for matrix norms")
    if ord == 1:
        return abs(a).sum(axis=axis, keepdims=keepdims)
    if ord == np.inf:
        return abs(a).max(axis=axis, keepdims=keepdims)
    if ord not in (None, 2):
        raise NotInBalls(f"no ball arithmetic for the norm of order {ord}")
    return np.sqrt((a**2).sum(axis=axis, keepdims=keepdims))


def where(condition: Any, a: Numbers, b: Numbers) -> Balls:
    """``a`` or ``b`` by a condition that is known (an array of truth values)."""
    if isinstance(condition, Balls):
        raise NotInBalls("a ball is not a truth value")
    return wrap(np.where(condition, arbs(a), arbs(b)))


def clip(a: Numbers, low: Any, high: Any) -> Balls:
    """``a`` moved into ``[low, high]``."""
    return np.minimum(np.maximum(a, low), high)


MOVES = {
    np.broadcast_to, np.concatenate, np.expand_dims, np.moveaxis, np.ravel, np.repeat, np.reshape,
    np.squeeze, np.stack, np.swapaxes, np.take, np.transpose,
}  # fmt: skip
SUMS = {np.dot, np.einsum, np.outer, np.prod, np.tensordot, np.trace}
OWN: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: lambda a, axis=None, keepdims=False: a.sum(axis=axis, keepdims=keepdims),
    np.mean: lambda a, axis=None, keepdims=False: a.mean(axis=axis, keepdims=keepdims),
    np.max: lambda a, axis=None, keepdims=False: a.max(axis=axis, keepdims=keepdims),
    np.min: lambda a, axis=None, keepdims=False: a.min(axis=axis, keepdims=keepdims),
    np.where: where,
    np.clip: clip,
    np.linalg.norm: norm,
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
}
REDUCTIONS: dict[Any, Callable[..., Balls]] = {
    np.add: Balls.sum,
    np.maximum: Balls.max,
    np.minimum: Balls.min,
}


# ---- ends ---------------------------------------------------------------------------------------------


def mid(a: Numbers) -> np.ndarray:
    """The midpoints of Balls (or of an array of balls), as floats."""
    return arbs(a).astype(float)


def lower(ball: Numbers) -> float:
    """A float below everything in a zero-dimensional Balls."""
    return float(np.nextafter(float(to_arb(arbs(ball)[()]).lower()), -np.inf))


def upper(ball: Numbers) -> float:
    """A float above everything in a zero-dimensional Balls."""
    return float(np.nextafter(float(to_arb(arbs(ball)[()]).upper()), np.inf))
