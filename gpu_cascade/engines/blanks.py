"""Grammars whose white space has an end, for engines of our own.

Between the parts of JSON any amount of white space is allowed, and a small model may go on with it up to
`max_tokens`: an answer that costs all that was allowed and says nothing. vLLM 0.32 can forbid it for a whole
engine only (`disable_any_whitespace`), and then also the `": "` that models are used to write. Its structural
tags bound it for one request (`max_whitespace_cnt`, of xgrammar), so a schema is sent as one.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

MOST = 8  # in a row: a line break, and the indent of three levels

# Keywords that xgrammar leaves out of a grammar, in some combination. vLLM looks for them in a schema, and
# takes llguidance instead; in a tag it does not look.
LEFT_OUT = frozenset(
    {
        "allOf",
        "contains",
        "format",
        "maxContains",
        "minContains",
        "multipleOf",
        "patternProperties",
        "propertyNames",
        "uniqueItems",
    }
)
_ONE_BLANK = {"whitespace_flexible": False, "item_separator": ", ?", "key_separator": ": ?"}


def bounded(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same request for JSON, with as much white space as may stand in a row."""
    found = dict(params)
    if "response_format" in params:
        found["response_format"] = _format(params["response_format"])
    if "structured_outputs" in params:
        found["structured_outputs"] = _own(params["structured_outputs"])
    return found


def _format(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    if asked["type"] == "json_object":
        return _tag({"type": "object"})
    if asked["type"] != "json_schema":
        return asked
    schema = asked["json_schema"]["schema"]
    if _takes(schema):
        return _tag(schema)
    return {**asked, "json_schema": {**asked["json_schema"], "schema": _for_guidance(schema)}}


def _own(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """VLLM's own words: a schema may stand there as a text."""
    if asked.get("json_object"):
        return {"structural_tag": _text(_tag({"type": "object"}))}
    schema = asked.get("json")
    if isinstance(schema, str):
        try:
            schema = msgspec.json.decode(schema)
        except msgspec.DecodeError:
            return asked  # the engine says what is wrong with it
    if not isinstance(schema, dict):
        return asked
    return {"structural_tag": _text(_tag(schema))} if _takes(schema) else {"json": _for_guidance(schema)}


def _tag(schema: Mapping[str, Any]) -> dict[str, Any]:
    content = {"type": "json_schema", "json_schema": schema, "max_whitespace_cnt": MOST}
    return {"type": "structural_tag", "format": content}


def _text(tag: Mapping[str, Any]) -> str:
    return msgspec.json.encode(tag).decode()


def _takes(schema: object) -> bool:
    """Whether xgrammar keeps to all of it. A property of one of those names is taken for the keyword."""
    if isinstance(schema, dict):
        return LEFT_OUT.isdisjoint(schema) and all(map(_takes, schema.values()))
    return all(map(_takes, schema)) if isinstance(schema, list) else True


def _for_guidance(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as llguidance reads it, with one blank at most; `allOf` of two makes vLLM choose that."""
    return {**schema, "allOf": [*schema.get("allOf", []), {}, {}], "x-guidance": _ONE_BLANK}
