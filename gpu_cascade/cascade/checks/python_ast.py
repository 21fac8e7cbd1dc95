"""Whether a draft's Python parses."""

import ast
import warnings

from ...types import Final, Request
from .base import Seen
from .fences import blocks

PYTHON = frozenset({"", "python", "py", "python3"})


def look(_: Request, draft: Final) -> Seen:
    """1 where the Python of every code fence (that names Python or no language) parses, else 0.

    Without fences the whole draft is the code. Unknown: no code, only other languages, or nested deeper than
    the parser goes.
    """
    fenced = blocks(draft.text)
    codes = [block.body for block in fenced if block.tag in PYTHON] if fenced else [draft.text]
    codes = [code for code in codes if code.strip()]
    if not codes:
        return None, f"no Python in {len(fenced)} code blocks"
    try:
        for code in codes:
            _parse(code)
    except SyntaxError as error:
        return 0.0, f"a syntax error in line {error.lineno} of its block"
    except ValueError:
        return 0.0, "a character that no source may hold"
    except (MemoryError, RecursionError):
        return None, "nested deeper than the parser goes"
    return 1.0, f"{len(codes)} of {len(codes)} blocks parse"


def _parse(code: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\d" in an answer is a warning, which would print the line it is in
        ast.parse(code)
