"""The contract of a family, checked for anybody's: a wrong one is told which promise it breaks.

.. code-block:: python

    ppkit.testing.check_family(MyFamily(n_inputs=5))  # raises AssertionError at the first broken promise

    @pytest.mark.parametrize(("name", "check"), ppkit.testing.family_checks(MyFamily(n_inputs=5)))
    def test_my_family(name, check):
        check()

No test runner is needed: everything is drawn from a seed.  Each check has an independent route: sampled
factors of cost one and ascent from the best of them, finite differences, other networks under weak
duality, sums without rounding, proofs in ball arithmetic, forged proofs.
"""

from .polars import check_interval
from .run import CHECKS, check_family, family_checks
from .samples import Sample, draw

__all__ = ["CHECKS", "Sample", "check_family", "check_interval", "draw", "family_checks"]
