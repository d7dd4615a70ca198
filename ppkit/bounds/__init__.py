r"""Generalization bounds with every constant explicit: a number, and the terms it is the sum of.

A bound is on what a sample cannot show: on the population objective of a network, or on the
difference between the population's and the sample's.
"""

from .base import Bound
from .complexity import loss_constants, rademacher, unit_envelope
from .counting import parameter_count, width_free
from .population import discrepancy, master

__all__ = [
    "Bound",
    "discrepancy",
    "loss_constants",
    "master",
    "parameter_count",
    "rademacher",
    "unit_envelope",
    "width_free",
]
