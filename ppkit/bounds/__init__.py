r"""Generalization bounds with every constant explicit: a number, and the terms it is the sum of.

A bound is on what a sample cannot show: on the population objective of a network, on the
difference between the population's and the sample's, or on the distance from a teacher.
"""

from .base import Bound
from .complexity import loss_constants, rademacher, unit_envelope
from .constants import gaussian_constants, gaussian_size, unit_constants
from .counting import parameter_count, parameter_count_subgaussian
from .free import (
    objective_gap,
    square_gap,
    width_free,
    width_free_rademacher,
    width_free_sensing,
    width_free_subgaussian,
)
from .law import fast_rate, gaussian_kappa, recovery, regression_rate
from .population import discrepancy, master

__all__ = [
    "Bound",
    "discrepancy",
    "fast_rate",
    "gaussian_constants",
    "gaussian_kappa",
    "gaussian_size",
    "loss_constants",
    "master",
    "objective_gap",
    "parameter_count",
    "parameter_count_subgaussian",
    "rademacher",
    "recovery",
    "regression_rate",
    "square_gap",
    "unit_constants",
    "unit_envelope",
    "width_free",
    "width_free_rademacher",
    "width_free_sensing",
    "width_free_subgaussian",
]
