"""Requests for answers of a form: JSON, grammars, calls."""

from typing import Any

from .asking import Body, chat, said, turns

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Paris", "Oslo", "Rome"]}, "big": {"type": "boolean"}},
    "required": ["city", "big"],
    "additionalProperties": False,
}
LIST = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0, "maximum": 9},
    "minItems": 2,
    "maxItems": 3,
}
ASK = "Tell me about the capital of France as JSON."
WEATHER = {
    "name": "weather",
    "description": "The weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Paris", "Oslo"]}},
        "required": ["city"],
    },
}
CLOCK = {"name": "clock", "description": "The time", "parameters": {"type": "object", "properties": {}}}
RAIN = "Will it rain in Paris?"


def formats() -> dict[str, Body]:
    """OpenAI's words for JSON."""
    return {
        "response_format text": chat(response_format={"type": "text"}),
        "json_object": chat(ASK, response_format={"type": "json_object"}, max_tokens=32),
        "json_schema": chat(ASK, response_format=_schema(CITY), max_tokens=32),
        "json_schema, strict": chat(ASK, response_format=_schema(CITY, strict=True), max_tokens=32),
        "json_schema, described": chat(
            ASK, response_format=_schema(CITY, description="a capital"), max_tokens=32
        ),
        "json_schema of a list": chat("Two digits.", response_format=_schema(LIST), max_tokens=24),
        "json_schema of a choice": chat(
            response_format=_schema({"enum": ["Paris", "Oslo", 7, None]}), max_tokens=8
        ),
        "json_schema for llguidance": chat(
            "A number.", response_format=_schema({"type": "integer", "multipleOf": 5}), max_tokens=8
        ),
        "json_schema with logprobs": chat(
            ASK, response_format=_schema(CITY), max_tokens=24, logprobs=True, top_logprobs=2
        ),
        "json_schema of two choices": chat(
            ASK, response_format=_schema(CITY), max_tokens=24, n=2, temperature=1, seed=3
        ),
    }


def grammars() -> dict[str, Body]:
    """VLLM's words for grammars."""
    return {
        "structured json": _grammar(json=CITY),
        "structured json as a text": _grammar(json='{"type": "boolean"}'),
        "structured json_object": _grammar(json_object=True),
        "structured regex": _grammar(regex="[A-Z][a-z]{2,6}, [0-9]{3}"),
        "structured choice": _grammar(choice=["Paris", "Oslo", "Paris on the Seine"]),
        "structured grammar": _grammar(grammar='root ::= "Paris" | "Oslo " [0-9]+'),
        "structured structural_tag": _grammar(structural_tag=_tag()),
        "structured with logprobs": chat(
            structured_outputs={"choice": ["yes", "no"]}, logprobs=True, top_logprobs=5
        ),
    }


def tools() -> dict[str, Body]:
    """Functions that may, must or must not be called."""
    rainy = {"tools": [tool(WEATHER)], "max_tokens": 48}
    two = {"tools": [tool(WEATHER), tool(CLOCK)], "max_tokens": 48}
    strict = {"tools": [tool({**WEATHER, "strict": True})], "max_tokens": 48}
    named = {"type": "function", "function": {"name": "weather"}}
    told = said('<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>', "assistant")
    again = turns(said("Weather in Oslo?"), told, said("Again."), **rainy)
    return {
        "tools": chat(RAIN, **rainy),
        "tool_choice auto": chat(RAIN, **rainy, tool_choice="auto"),
        "tool_choice auto, a call": {**again, "repetition_penalty": 0.9},
        "tool_choice none": chat(RAIN, **rainy, tool_choice="none"),
        "tool_choice required": chat(RAIN, **rainy, tool_choice="required"),
        "tool_choice required of two": chat("What time is it?", **two, tool_choice="required"),
        "tool_choice of a name": chat(RAIN, **two, tool_choice=named),
        "one call at a time": chat(RAIN, **two, tool_choice="required", parallel_tool_calls=False),
        "calls at once": chat(RAIN, **two, tool_choice="required", parallel_tool_calls=True),
        "a strict tool": chat(RAIN, **strict, tool_choice="required"),
        "a tool without parameters": chat(
            "What time is it?", tools=[tool({"name": "clock"})], tool_choice="required", max_tokens=48
        ),
        "calls with logprobs": chat(RAIN, **rainy, tool_choice="required", logprobs=True, top_logprobs=1),
        "a named call with logprobs": chat(RAIN, **two, tool_choice=named, logprobs=True),
        "calls of two choices": chat(RAIN, **two, tool_choice="required", n=2, temperature=1, seed=2),
        "a call cut short": chat(RAIN, **{**rainy, "max_tokens": 6}, tool_choice="required"),
    }


def _schema(schema: Body, **more: object) -> Body:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, **more}}


def _grammar(**words: object) -> Body:
    return chat(structured_outputs=words, max_tokens=24)


def _tag() -> str:
    return '{"type": "structural_tag", "format": {"type": "json_schema", "json_schema": {"type": "boolean"}}}'


def tool(function: Body) -> dict[str, Any]:
    return {"type": "function", "function": function}
