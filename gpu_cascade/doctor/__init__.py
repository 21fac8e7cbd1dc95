"""`gpu-cascade doctor`: what is there, what is missing, and what to do about it."""

from .examine import examine
from .finding import Finding, State, exit_code
from .probes import Probes
from .render import render

__all__ = ["Finding", "Probes", "State", "examine", "exit_code", "render"]
