"""What became of each request: moments by columns, in seconds."""

import math
from array import array
from dataclasses import dataclass
from enum import IntEnum


class Fate(IntEnum):
    """How it ended."""

    OPEN = 0
    ANSWERED = 1
    REFUSED = 2  # nobody is there for it, or too many wait
    LEFT = 3  # its deadline came while it waited


@dataclass(frozen=True, slots=True)
class Journal:
    """Columns over requests; NaN where a moment never came.

    `draft_place`, `top_place`: of a place on the drafting and on the larger engine. `first`: of the first
    token that the user saw. `away`: the engine that it asked last took no requests then.
    """

    draft_place: "array[float]"
    draft_end: "array[float]"
    top_place: "array[float]"
    first: "array[float]"
    end: "array[float]"
    fate: bytearray
    away: bytearray


def empty_journal(count: int) -> Journal:
    """Nothing has happened yet."""
    blank = array("d", [math.nan]) * count
    return Journal(blank[:], blank[:], blank[:], blank[:], blank[:], bytearray(count), bytearray(count))
