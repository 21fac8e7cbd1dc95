"""What the client asks of the cascade itself: `cascade` in the body, or `x-cascade-*` headers."""

import math
import time
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from ...errors import BadRequest
from ...types.wish import NO_WISH, Sticky, Wish
from .fields import Part

Headers = Iterable[tuple[bytes, bytes]]  # as ASGI has them: names in lower case

PREFIX = b"x-cascade-"
TierName = Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None


class CascadeWish(Part, frozen=True):
    """How this request is to be decided, where not as the cascade is configured."""

    tier: TierName = None
    max_tier: TierName = None
    max_latency_ms: Annotated[float, msgspec.Meta(gt=0, le=86_400_000)] | None = None
    confidence: float | None = None
    sticky: Literal["skip", "stricter", "off"] | None = None
    explain: bool | None = None


FIXED = ("max_tier", "max_latency_ms", "confidence", "sticky")  # `tier` leaves them nothing to decide
HEADERS = {name: f"x-cascade-{name.replace('_', '-')}" for name in CascadeWish.__struct_fields__}
_FIELDS = {header.encode(): name for name, header in HEADERS.items()}


def read_wish(body: CascadeWish | None, headers: Headers, *, raw: bool) -> Wish:
    """The wish of body and headers; where both say a word, the body's holds. `raw`: a prompt without turns.

    `BadRequest` names what is unknown, said in two ways, or makes no sense together.
    """
    said = _said(headers)
    if body is None and not said:
        return NO_WISH
    asked = msgspec.structs.replace(_typed(said), **_written(body)) if said else body or CascadeWish()
    _check(asked, raw=raw)
    due = None if asked.max_latency_ms is None else time.monotonic() + asked.max_latency_ms / 1000
    sticky = None if asked.sticky is None else Sticky(asked.sticky)
    return Wish(asked.tier, asked.max_tier, due, asked.confidence, sticky, bool(asked.explain))


def _said(headers: Headers) -> dict[str, str]:
    """What the headers say, by the names of the fields."""
    said: dict[str, str] = {}
    for header, data in [pair for pair in headers if pair[0].startswith(PREFIX)]:
        name, value = header.decode("latin-1"), data.decode("latin-1").strip()
        field = _FIELDS.get(header)
        if field is None:
            known = ", ".join(HEADERS.values())
            raise BadRequest(f"{name} is not known here; a request may carry {known}", param=name)
        if said.setdefault(field, value) != value:
            raise BadRequest(f"{name} says both {said[field]!r} and {value!r}; keep one", param=name)
    return said


def _typed(said: dict[str, str]) -> CascadeWish:
    """The headers' words as values, each by itself: so a wrong one is named."""
    found = CascadeWish()
    for field, value in said.items():
        try:
            one = msgspec.convert({field: value}, CascadeWish, strict=False)
        except msgspec.ValidationError as error:
            sentence = str(error).partition(" - at ")[0]
            raise BadRequest(f"{HEADERS[field]} is {value!r}: {sentence}", param=HEADERS[field]) from None
        found = msgspec.structs.replace(found, **{field: getattr(one, field)})
    return found


def _written(body: CascadeWish | None) -> dict[str, object]:
    """The fields that the body has."""
    return {} if body is None else {n: v for n, v in msgspec.structs.asdict(body).items() if v is not None}


def _check(asked: CascadeWish, *, raw: bool) -> None:
    """What no single field can say."""
    if asked.confidence is not None and not math.isfinite(asked.confidence):
        raise _refused("confidence", f"is {asked.confidence}; it must be a finite number")
    if raw and asked.sticky is not None:
        raise _refused("sticky", "is about turns, and a completion has none; leave it out")
    for name in FIXED if asked.tier is not None else ():
        if getattr(asked, name) is not None:
            raise _refused(name, "has nothing to decide beside cascade.tier; keep one of them")


def _refused(name: str, why: str) -> BadRequest:
    return BadRequest(f"cascade.{name} {why}", param=f"cascade.{name}")
