"""Where the gateway's answer is not the engine's own."""

from itertools import zip_longest
from typing import Any

import msgspec

from .pair import Pair
from .whole import NotAStream, whole

ABSENT = "nothing"


def apart(pair: Pair, status: int, data: bytes, within: float) -> list[str]:
    """A sentence for each field that differs; log-probabilities may by `within` nats."""
    if pair.asked.refused is not None:
        return _not_refused(pair.asked.refused, status, data)
    if status != pair.status:
        return [f"status {pair.status} there, {status} here: {data[:300]!r}"]
    return _answers(pair, data, within) if status == 200 else _errors(pair.answer.encode(), data)


def unchanged(old: Pair, new: Pair, within: float) -> bool:
    """Whether the engine still answers as it did."""
    if old.status != new.status or old.status != 200:
        return (old.status, old.answer) == (new.status, new.answer)
    return not _answers(old, new.answer.encode(), within)


def differences(there: Any, here: Any, within: float, place: str = "answer") -> list[str]:
    """Field by field, the engine's `there` and ours `here`."""
    if isinstance(there, dict) and isinstance(here, dict):
        names = sorted({*there, *here})
        pairs = [(f"{place}.{name}", there.get(name, ABSENT), here.get(name, ABSENT)) for name in names]
    elif isinstance(there, list) and isinstance(here, list):
        both = enumerate(zip_longest(there, here, fillvalue=ABSENT))
        pairs = [(f"{place}[{number}]", one, other) for number, (one, other) in both]
    elif there == here or _noise(there, here, within, place):
        return []
    else:
        return [f"{place}: {there!r} there, {here!r} here"]
    return [one for where, left, right in pairs for one in differences(left, right, within, where)]


def _answers(pair: Pair, data: bytes, within: float) -> list[str]:
    stream = pair.asked.stream
    try:
        return differences(whole(pair.answer.encode(), stream=stream), whole(data, stream=stream), within)
    except NotAStream as error:
        return [str(error)]


def _noise(there: object, here: object, within: float, place: str) -> bool:
    floats = isinstance(there, float) and isinstance(here, float)
    return floats and "logprob" in place and abs(there - here) <= within


def _errors(there: bytes, here: bytes) -> list[str]:
    """The engine's sentence, whatever stands before it, and its parameter."""
    theirs, ours = (msgspec.json.decode(data)["error"] for data in (there, here))
    found = differences(theirs.get("param"), ours["param"], 0, "error.param")
    if ours["source"] != "engine" or not ours["message"].endswith(theirs["message"]):
        found.append(f"error: {theirs['message']!r} there, {ours['message']!r} here")
    return found


def _not_refused(param: str, status: int, data: bytes) -> list[str]:
    error = msgspec.json.decode(data)["error"] if status == 400 else {}
    told = (error.get("param"), error.get("source"))
    return [] if told == (param, "gateway") else [f"{param} is not refused: {status} {data[:300]!r}"]
