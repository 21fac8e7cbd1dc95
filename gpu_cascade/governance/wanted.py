"""Whom a new key is for. Pure."""

import re
from dataclasses import dataclass
from typing import Self

from ..errors import ConfigError
from ..types import ANONYMOUS
from .caller import Role

# Of groups in documents too: a letter first, so that a name is never taken for an id or a flag.
NAME = re.compile(r"[^\W\d_][\w.@+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom a new key is for. Raises `ConfigError` for what cannot be a name.

    `cascades`: the names that may stand in `model`, None for every one; engines count.
    """

    name: str
    groups: frozenset[str] = frozenset()
    team: str | None = None
    role: Role = Role.USER
    cascades: frozenset[str] | None = None

    def __post_init__(self) -> None:
        _check(self.name, "the name")
        for group in self.groups:
            _check(group, "the group")
        if self.team is not None:
            _check(self.team, "the team")
        if self.cascades is not None and not all(self.cascades):
            raise ConfigError("a cascade's name is empty; leave --cascades out to allow all of them")

    @classmethod
    def typed(cls, name: str, groups: str | None, team: str | None, role: str, cascades: str | None) -> Self:
        """From words as they are typed: `hr, finance` are two groups. Raises `ConfigError`."""
        if role not in [known.value for known in Role]:
            raise ConfigError(f"the role {role[:80]!r} is not known; use {' or '.join(Role)}")
        allowed = None if cascades is None else _split(cascades)
        return cls(name, frozenset() if groups is None else _split(groups), team, Role(role), allowed)


def _split(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(","))


def _check(text: str, what: str) -> None:
    if not NAME.fullmatch(text):
        raise ConfigError(
            f"{what} {text[:80]!r} cannot be used: it begins with a letter and has at most 64 "
            f"letters, digits and . @ + - _"
        )
    if text == ANONYMOUS:
        raise ConfigError(f"{what} {text!r} stands for everybody without a key; use another")
