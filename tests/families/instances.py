"""Small members of every registered family: one row is all that ``check_family`` needs.

``FAMILIES[name]`` lists ``(member, N)``; data and teachers are drawn from the member itself.
"""

from ppkit.families import (
    CPTensor,
    DeepLinear,
    DeepReLU,
    LinearAttention,
    MatrixFactorization,
    MatrixSensing,
    MultiHeadAttention,
    ReLU1D,
    StructuredSensing,
    TwoLayerLinear,
    TwoLayerQuadratic,
    TwoLayerReLU,
)

FAMILIES = {
    "matrix-factorization": [(MatrixFactorization((6, 5)), 1)],
    "matrix-sensing": [(MatrixSensing((5, 4)), 40), (MatrixSensing((1, 3)), 7)],
    "structured-sensing": [
        (StructuredSensing((5, 4)), 40),
        (StructuredSensing((5, 4), row="l1", col="l2"), 40),
        (StructuredSensing((5, 4), row="l1", col="l1"), 40),
        (StructuredSensing((4, 5), row=("l1+l2", 0.5), col="l1"), 40),
        (StructuredSensing((5, 4), row="l1", col="l2", nonnegative=True), 40),
        (StructuredSensing((4, 3), row="l1", col="linf"), 40),
        (StructuredSensing((3, 4), row="l2", col="l1"), 30),
        (StructuredSensing((3, 4), row="linf", col="l1"), 30),
        (StructuredSensing((4, 3), row="l1", col=("l1+l2", 0.5)), 30),
        (StructuredSensing((3, 3), row="l1", col="l1", nonnegative=True), 20),
        (StructuredSensing((3, 4), row="l2", col="l1", nonnegative=True), 30),
        (StructuredSensing((4, 3), row="l1", col="linf", nonnegative=True), 30),
        (StructuredSensing((4, 3), row="l1", col=("l1+l2", 0.5), nonnegative=True), 30),
        (StructuredSensing((3, 4), row=("l1+l2", 0.5), col="l1", nonnegative=True), 30),
        (StructuredSensing((3, 4), row="linf", col="l1", nonnegative=True), 40),
        (StructuredSensing((4, 3), row="linf", col="linf"), 40),
        (StructuredSensing((4, 3), row="linf", col="l2"), 40),
        (StructuredSensing((4, 3), row="l2", col="l2", nonnegative=True), 40),
        (StructuredSensing((3, 4), row=("l1+l2", 0.5), col="l2"), 40),
    ],
    "two-layer-linear": [(TwoLayerLinear(5, 3), 30), (TwoLayerLinear(6, 2), 4)],
    "deep-linear": [
        (DeepLinear((5, 2, 3, 4)), 30),
        (DeepLinear((4, 3, 3), form="power"), 20),
        (DeepLinear((4, 1, 1, 3), form="power"), 20),
    ],
    "two-layer-quadratic": [(TwoLayerQuadratic(4), 40)],
    "linear-attention": [
        (LinearAttention(2, 3, 2), 30),
        (LinearAttention(2, 3, 1, query="last"), 30),
        (LinearAttention(2, 3, 1, query="all"), 20),
    ],
    "multi-head-attention": [
        (MultiHeadAttention(2, 2, 1), 6),
        (MultiHeadAttention(1, 3, 1), 15),
        (MultiHeadAttention(1, 2, 2, 2, radius=2.0, query="all"), 8),
    ],
    "cp-tensor": [(CPTensor((2, 4, 3)), 40), (CPTensor((2, 3, 2)), 20), (CPTensor((4, 3)), 20)],
    "two-layer-relu": [
        (TwoLayerReLU(2), 30),
        (TwoLayerReLU(1, bias=True), 20),
        (TwoLayerReLU(2, 3), 20),
        (TwoLayerReLU(3), 10),
        (TwoLayerReLU(3, 2), 10),
    ],
    "relu-1d": [(ReLU1D(), 30), (ReLU1D(), 12)],
    "deep-relu": [(DeepReLU((2, 3, 1)), 20), (DeepReLU((2, 1, 2, 1), form="power"), 20)],
}

# members at sizes where the interval of the polar stays open: only their polars are checked
HARDER = [
    (TwoLayerReLU(4), 15),
    (TwoLayerReLU(3, 5), 4),
    (TwoLayerReLU(2, 2, bias=True), 12),
    (TwoLayerReLU(8), 20),
    (DeepReLU((3, 4, 1)), 12),
    (DeepReLU((3, 3, 2, 2)), 8),
    (CPTensor((4, 4, 4)), 40),
    (CPTensor((2, 2, 2, 2)), 12),
    (StructuredSensing((14, 13), row="linf", col="linf"), 40),
    (StructuredSensing((13, 6), row="linf", col="l2"), 40),
    (StructuredSensing((6, 6), row="l2", col="l2", nonnegative=True), 40),
    (StructuredSensing((6, 6), row=("l1+l2", 0.5), col="l2"), 40),
    (MultiHeadAttention(3, 3, 2), 8),
    (MultiHeadAttention(3, 2, 1, 2, radius=3.0, query="all"), 5),
]

# paths of several layers, likewise
PATHS = [
    (DeepReLU((2, 3, 2, 1)), 6),
    (DeepReLU((1, 2, 2, 1)), 8),
    (DeepReLU((2, 2, 3, 2)), 8),
    (DeepReLU((3, 2, 2, 1), form="power"), 8),
    (DeepReLU((3, 4, 2)), 8),
    (DeepReLU((2, 2, 2, 2, 1)), 5),
    (DeepReLU((3, 2, 1, 3, 1)), 8),
]

# members that refuse a finite convex program and Omega, and what the refusal says
WITHOUT_PROGRAM = {TwoLayerReLU(3, 2): "two inputs at most"} | {
    member: "multi-head-attention has no" for member, _ in FAMILIES["multi-head-attention"]
}
WITHOUT_PROGRAM |= {member: "no finite convex" for member, _ in FAMILIES["structured-sensing"][-2:]}


def label(case):
    """A readable test id."""
    return f"{case[0].name}-{'-'.join(str(v) for v in case[0].params().values())}".replace(" ", "")


CASES = [case for cases in FAMILIES.values() for case in cases]
