"""`GET /openapi.json`: what may be asked, from the very types that bodies are decoded with."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from .. import __version__
from ..types import Judgement, Reason, Use, Verdict
from .asked.chat import ChatBody
from .asked.completion import CompletionBody
from .asked.wish import HEADERS

_POSTS = {
    "/v1/chat/completions": (ChatBody, "A chat: the next message, whole or as server-sent events."),
    "/v1/completions": (CompletionBody, "The text that follows a prompt, without a chat template."),
}
_GETS = {
    "/v1/models": "What may stand in model: cascades first, then engines.",
    "/v1/models/{id}": "One of them.",
    "/v1/cascade/state": "Engines, queues, the decision store.",
    "/v1/cascade/decisions/{id}": "One decision record.",
    "/healthz": "The process answers.",
    "/readyz": "Every engine can answer; 503 with the reasons otherwise.",
    "/metrics": "Prometheus text.",
}


@cache
def document() -> bytes:
    """The document, as JSON. It is made once, when it is first asked for."""
    bodies = [body for body, _ in _POSTS.values()]
    refs, components = msgspec.json.schema_components(
        [*bodies, Judgement, Reason, Use, Verdict], ref_template="#/components/schemas/{name}"
    )
    posts = {
        path: {"post": _post(said, ref)} for (path, (_, said)), ref in zip(_POSTS.items(), refs, strict=False)
    }
    gets = {path: {"get": _get(path, said)} for path, said in _GETS.items()}
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "gpu-cascade", "version": __version__},
            "paths": {**posts, **gets},
            "components": {"schemas": {**components, "Error": _ERROR}},
        }
    )


def _refs(name: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


# Beside OpenAI's own fields: what became of the request.
_CASCADE = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "tier": {"type": "string"},
        "verdict": {"$ref": "#/components/schemas/Verdict"},
        "reason": {"$ref": "#/components/schemas/Reason"},
        "confidence": {"type": ["number", "null"]},
        "certified": {"type": "boolean"},
        "judged": _refs("Judgement"),
        "uses": _refs("Use"),
        "explained": {"type": "array", "items": {"type": "string"}},  # only where it was asked for
    },
}
_ANSWER = {"type": "object", "properties": {"cascade": _CASCADE}, "required": ["cascade"]}
_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
                "source": {"enum": ["gateway", "engine"]},
            },
            "required": ["message", "type", "param", "code", "source"],
        }
    },
    "required": ["error"],
}


def _post(said: str, body: Mapping[str, Any]) -> dict[str, Any]:
    asked = {"required": True, "content": {"application/json": {"schema": body}}}
    answers = {"application/json": {"schema": _ANSWER}, "text/event-stream": {}}
    return {
        "summary": said,
        "parameters": [_header(name) for name in HEADERS.values()],
        "requestBody": asked,
        "responses": {"200": {"description": "The answer.", "content": answers}, "default": _failure()},
    }


def _header(name: str) -> dict[str, Any]:
    said = "As the field of cascade in the body, which wins."
    return {"name": name, "in": "header", "description": said, "schema": {"type": "string"}}


def _get(path: str, said: str) -> dict[str, Any]:
    named = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "summary": said,
        "parameters": [named] if "{id}" in path else [],
        "responses": {"200": {"description": said}, "default": _failure()},
    }


def _failure() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": "A failure.", "content": {"application/json": {"schema": schema}}}
