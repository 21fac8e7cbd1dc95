"""Whether what calibration promised still holds: kept answers asked again in idle time, and an alarm."""

from .bound import tolerated
from .drift import Drift
from .series import ShadowCollector
from .shadow import Plan, Shadow
from .watch import Watch, resumed
from .watched import Watched

__all__ = ["Drift", "Plan", "Shadow", "ShadowCollector", "Watch", "Watched", "resumed", "tolerated"]
