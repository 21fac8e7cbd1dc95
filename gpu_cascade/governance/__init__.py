"""Who may call, and as whom: keys, kept as MACs, and the caller that each of them stands for."""

from .caller import OPERATOR, PUBLIC, Caller, Role
from .finder import Finder
from .keys import PREFIX, Key, create, revoke, rows
from .wanted import Wanted

__all__ = [
    "OPERATOR",
    "PREFIX",
    "PUBLIC",
    "Caller",
    "Finder",
    "Key",
    "Role",
    "Wanted",
    "create",
    "revoke",
    "rows",
]
