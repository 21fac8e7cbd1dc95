"""What an engine answers instead of an answer, as an error of ours."""

import msgspec

from ..errors import EngineError

# 401, 403 and 429 are about our key there, 404 and 408 about our address: none is the client's business.
OURS = frozenset({401, 403, 404, 408, 429})
NO_PARSER = "--tool-call-parser"  # what vLLM 0.32 names where it cannot read tool calls


class _ErrorBody(msgspec.Struct, frozen=True):
    message: str = ""
    param: str | None = None


def refusal(name: str, status: int, data: bytes) -> EngineError:
    """An engine's error as ours: its sentence, its parameter; 4xx keeps its status, the rest is a 502."""
    error = _error(data)
    kept = status if 400 <= status < 500 and status not in OURS else 502
    if kept == 400 and NO_PARSER in error.message:
        return EngineError(_no_parser(name), status=400, param="tool_choice")
    message = error.message or f"{len(data)} bytes without a message"
    return EngineError(f"{name} answered {status}: {message}", status=kept, param=error.param)


def _error(data: bytes) -> _ErrorBody:
    try:
        decoded = msgspec.json.decode(data)
        return msgspec.convert(decoded.get("error", decoded), _ErrorBody)
    except (msgspec.MsgspecError, AttributeError):
        return _ErrorBody()


def _no_parser(name: str) -> str:
    return (
        f"{name} has no parser for tool calls; give it one in models.yaml (args: {{enable-auto-tool-choice: "
        f"true, tool-call-parser: hermes}}, or the parser of its model family), or send tool_choice: none"
    )
