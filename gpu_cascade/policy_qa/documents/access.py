"""Who may see a document, as `groups:` and `public:` say it in front matter or a folder's file."""

from collections.abc import Mapping

from ...governance.wanted import NAME
from .document import Unreadable

PUBLIC = frozenset({"*"})  # the group that everybody is in; no group can be named so
NOBODY: frozenset[str] = frozenset()


def granted(said: Mapping[str, object]) -> frozenset[str] | None:
    """The groups that may see it; `PUBLIC` for everybody, None where nothing is said.

    Raises `Unreadable` where it cannot be told what was meant: in doubt nobody may see it.
    """
    if "group" in said:
        raise Unreadable("`group` means nothing here; write `groups: [hr]`")
    if "public" in said and "groups" in said:
        raise Unreadable("`public` and `groups` are both given; keep one of them")
    if "public" in said:
        if said["public"] is True:
            return PUBLIC
        raise Unreadable(f"`public: {said['public']}` does not say who may see it; write `groups: [hr]`")
    return _named(said["groups"]) if "groups" in said else None


def _named(value: object) -> frozenset[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names:
        raise Unreadable(f"`groups` is {_shown(value)}; write `groups: [hr]` or `public: true`")
    for name in names:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise Unreadable(
                f"`groups` holds {_shown(name)}; a group begins with a letter and has at most 64 "
                f"letters, digits and . @ + - _"
            )
    return frozenset(names)


def _shown(value: object) -> str:
    if value is None or value == []:
        return "empty"
    return repr(value)[:60]
