"""The example of the foundations: its figures are what the package computes, its parts draw."""

import numpy as np
import pytest

import ppkit
from ppkit.errors import InputError
from ppkit.families import MatrixFactorization
from ppkit.plotting import thread


def test_the_figures_of_the_example_are_computed():
    problem = ppkit.Problem(MatrixFactorization((2, 2)), None, np.diag(thread.Y), lam=1.0)
    one = {"u": np.sqrt([[2.0, 0.0]]), "v": np.sqrt([[2.0, 0.0]])}
    assert np.allclose(problem.predict(one).reshape(2, 2), np.diag(thread.NETWORK))
    cert = ppkit.certify(problem, one)
    rho = cert.polar_ratio
    found = {
        "objective": cert.objective,
        "optimum": ppkit.fit(problem, gap=1e-12).certificate.lower_bound,
        "(c)": cert.lower_bound,
        "(b)": cert.objective / rho,
        "(a)": cert.objective * (2 - rho),
    }
    assert found == pytest.approx(thread.VALUES, abs=1e-9)
    assert np.allclose(thread.OPTIMUM + thread.RESIDUAL, thread.Y)


@pytest.mark.parametrize("last", range(1, len(thread.PARTS) + 1))
def test_the_picture_grows(last):
    fig = thread.plane(thread.PARTS[:last])
    assert len(fig.axes) == (2 if "bounds" in thread.PARTS[:last] else 1)


def test_a_part_that_is_not_there():
    with pytest.raises(InputError, match="parts are hull"):
        thread.plane(["hulls"])
