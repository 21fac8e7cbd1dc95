"""What an engine's log says about why it did not start."""

import re
from collections.abc import Sequence

# vLLM puts "(EngineCore pid=12) ERROR 11-22 21:24:30 [core.py:1510] " before each line of a traceback.
_PREFIX = re.compile(r"^(\([^)]*pid=\d+\) )*([A-Z]+ [\d-]+ [\d:.]+ \[[^\]]*\] ?)?")
_QUIET = re.compile(r"^(\([^)]*pid=\d+\) )*(DEBUG|INFO|WARNING) ")
_EXCEPTION = re.compile(
    r"^([A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt)): .+|^\S+: error: .+|^cannot start .+"
)
# Each process that sees another one fail raises again; the first of them all names the cause.
_ECHO = re.compile(r"initialization failed|cancelled|See (root cause|stack trace)", re.IGNORECASE)


def cause(lines: Sequence[str]) -> str | None:
    """The first exception that is not the echo of another one; None where the log has none."""
    raised = [_bare(line) for line in lines if not _QUIET.match(line)]
    raised = [line for line in raised if _EXCEPTION.match(line)]
    roots = [line for line in raised if not _ECHO.search(line)]
    found = (roots or raised)[:1]
    return found[0] if found else None


def last_lines(lines: Sequence[str], count: int) -> list[str]:
    """The last lines that say something, without the prefix."""
    return [bare for bare in map(_bare, lines) if bare][-count:]


def _bare(line: str) -> str:
    return _PREFIX.sub("", line, count=1).rstrip()
