"""One line of the doctor's report."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Whether `serve` can work with what was found."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and what to do about it: `cure` is empty where all is well."""

    check: str
    state: State
    detail: str
    cure: str = ""


def ok(check: str, detail: str) -> Finding:
    """Nothing is to be done."""
    return Finding(check, State.OK, detail)


def warn(check: str, detail: str, cure: str) -> Finding:
    """It works, perhaps not as one hopes."""
    return Finding(check, State.WARN, detail, cure)


def fail(check: str, detail: str, cure: str) -> Finding:
    """`serve` cannot work like this."""
    return Finding(check, State.FAIL, detail, cure)


def exit_code(findings: Iterable[Finding]) -> int:
    """1 where anything failed, else 0."""
    return int(any(finding.state is State.FAIL for finding in findings))
