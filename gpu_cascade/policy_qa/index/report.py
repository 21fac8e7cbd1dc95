"""What an update of the index did, for people and for programs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..documents.document import Skipped

SHOWN = 50  # lines of each list that a person gets to read


@dataclass(frozen=True, slots=True)
class Report:
    """Paths are relative to the folder. `passages` and `vectors` are those of the whole index."""

    indexed: tuple[str, ...]
    unchanged: int
    removed: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[Skipped, ...]  # read, but with doubts
    others: Mapping[str, int]  # files by the ending that no reader is for
    passages: int
    embedded: int
    seconds: float

    def as_json(self) -> str:
        """One object; skipped and noted files as {"path", "why"}."""
        return json.dumps(
            {
                "indexed": self.indexed,
                "unchanged": self.unchanged,
                "removed": self.removed,
                "skipped": [{"path": skipped.path, "why": skipped.why} for skipped in self.skipped],
                "notes": [{"path": note.path, "why": note.why} for note in self.notes],
                "others": dict(self.others),
                "passages": self.passages,
                "embedded": self.embedded,
                "seconds": round(self.seconds, 3),
            },
            ensure_ascii=False,
        )

    def as_text(self) -> str:
        """A table of the counts, then each file that is not in the index with its reason."""
        counts = {
            "indexed": len(self.indexed),
            "unchanged": self.unchanged,
            "removed": len(self.removed),
            "skipped": len(self.skipped),
            "passages": self.passages,
            "embedded now": self.embedded,
            "seconds": round(self.seconds, 1),
        }
        lines = [f"{name:<12} {count:>9,}" for name, count in counts.items()]
        lines += _listed("Not in the index:", self.skipped) + _listed("Read with doubts:", self.notes)
        if self.others:
            kinds = ", ".join(f"{count:,} {ending}" for ending, count in sorted(self.others.items()))
            lines += ["", f"No reader for: {kinds}"]
        return "\n".join(lines)


def _listed(title: str, found: Iterable[Skipped]) -> list[str]:
    every = [f"  {one.path}: {one.why}" for one in found]
    more = [f"  and {len(every) - SHOWN:,} more"] if len(every) > SHOWN else []
    return ["", title, *every[:SHOWN], *more] if every else []
