"""Whether what calibration promised still holds: kept answers asked again in idle time, and an alarm."""

from .bound import tolerated
from .drift import Drift
from .series import ShadowCollector
from .shadow import Plan, Shadow, chosen, vouched
from .watch import Watch, resumed
from .watched import Watched, Watching

__all__ = [
    "Drift",
    "Plan",
    "Shadow",
    "ShadowCollector",
    "Watch",
    "Watched",
    "Watching",
    "chosen",
    "resumed",
    "tolerated",
    "vouched",
]
