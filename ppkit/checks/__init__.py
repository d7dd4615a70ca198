"""The trusted arithmetic: upper ends of polars recomputed from a proof, with no solver and no search.

:data:`CHECKERS` is the one table from the kind of a proof to what checks it.
"""

from .base import SEARCH, SEARCHED, Checker, Proof
from .boxes import BOXES
from .cones import CONES
from .faces import FACES
from .forms import FORM, UNFOLDING
from .heads import EXPANSION
from .knots import KNOTS
from .lines import LINES
from .plane import PLANE
from .relaxation import RELAXATION
from .signs import LAYERS, SIGNS
from .spectral import SPECTRAL, SYMMETRIC
from .split import SPLIT
from .vertices import VERTICES

#: kind of proof -> its checker
CHECKERS: dict[str, Checker] = {
    SEARCH: SEARCHED,
    "spectral": SPECTRAL,
    "symmetric": SYMMETRIC,
    "lines": LINES,
    "vertices": VERTICES,
    "faces": FACES,
    "split": SPLIT,
    "form": FORM,
    "unfolding": UNFOLDING,
    "knots": KNOTS,
    "plane": PLANE,
    "cones": CONES,
    "relaxation": RELAXATION,
    "layers": LAYERS,
    "signs": SIGNS,
    "expansion": EXPANSION,
    "boxes": BOXES,
}

__all__ = ["CHECKERS", "SEARCH", "Checker", "Proof"]
