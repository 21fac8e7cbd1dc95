"""Who may see the documents of a folder: the nearest `.groups.yaml` upwards says it."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ..documents.access import NOBODY, PUBLIC, granted
from ..documents.bounded_yaml import LONGEST, mapping
from ..documents.decode import decode
from ..documents.document import Skipped, Unreadable
from ..documents.files import ACCESS, load

_KEYS = {"groups", "public"}


class Folders:
    """The rules of a folder and its subfolders. A rule that cannot be used hides what it is for."""

    def __init__(self, root: Path, found: list[str]) -> None:
        """Read the files `found` under `root` whose names begin with ".groups"."""
        self.broken: list[Skipped] = []
        self._rules: dict[str, frozenset[str]] = {}
        for path in found:
            folder = str(PurePosixPath(path).parent)
            rule = self._rule(root, path)
            # Two files for one folder: whatever one of them grants, the other was meant for too.
            self._rules[folder] = rule if self._rules.get(folder, rule) == rule else NOBODY

    def groups(self, path: str, own: frozenset[str] | None) -> frozenset[str]:
        """Who may see `path`: its own groups where it names some, else its folder's, else everybody."""
        if own is not None:
            return own
        parents = PurePosixPath(path).parents
        return next((self._rules[str(folder)] for folder in parents if str(folder) in self._rules), PUBLIC)

    def seen_by(self, own: Mapping[str, frozenset[str] | None]) -> dict[str, frozenset[str]]:
        """Who may see each of these paths."""
        return {path: self.groups(path, groups) for path, groups in own.items()}

    def _rule(self, root: Path, path: str) -> frozenset[str]:
        try:
            return _read(root, path)
        except Unreadable as error:
            why = f"{error.message}. Until then nobody may see the documents of its folder"
            self.broken.append(Skipped(path, why))
            return NOBODY


def _read(root: Path, path: str) -> frozenset[str]:
    if PurePosixPath(path).name != ACCESS:
        raise Unreadable(f"it is not named {ACCESS}; rename it")
    text, _ = decode(load(root, path, LONGEST * 4))
    said = mapping(text)
    if unknown := sorted(set(said) - _KEYS):
        raise Unreadable(f"`{unknown[0][:60]}` means nothing here; write `groups: [hr]` or `public: true`")
    groups = granted(said)
    if groups is None:
        raise Unreadable("it is empty; write `groups: [hr]` or `public: true`")
    return groups
