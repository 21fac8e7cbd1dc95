"""Bodies of chat completions: what is taken, and the sentence for what is not."""

import msgspec
import pytest

from gpu_cascade.errors import BadRequest
from gpu_cascade.gateway.asked import read_chat

FIND = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
CALL = {"id": "call_0", "type": "function", "function": {"name": "find", "arguments": "{}"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "place", "schema": {"type": "object"}}}


def read(**more):
    body = {"model": "cascade", "messages": [{"role": "user", "content": "?"}], **more}
    return read_chat(msgspec.json.encode(body), 30)


def said(*parts):
    return [{"role": "user", "content": list(parts)}]


@pytest.mark.parametrize(
    ("wrong", "param", "says"),
    [
        ({"temperature": 3}, "temperature", "<= 2"),
        ({"n": 0}, "n", ">= 1"),
        ({"tools": []}, "tools", "length >= 1"),
        ({"tools": [{"type": "custom", "custom": {"name": "find"}}]}, "tools", "'custom'"),
        ({"tools": [FIND], "tool_choice": "sometimes"}, "tool_choice", "'sometimes'"),
        ({"tool_choice": "auto"}, "tool_choice", "needs tools"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls", "needs tools"),
        (
            {"tools": [FIND], "tool_choice": {"type": "function", "function": {"name": "lose"}}},
            "tool_choice",
            "names lose; tools has find",
        ),
        ({"functions": [{"name": "find"}]}, "functions", "OpenAI calls it tools now"),
        ({"guided_json": {}}, "guided_json", "structured_outputs: {json"),
        ({"priority": 1}, "priority", "escalated requests go first"),
        ({"store": True}, "store", "no answer is kept"),
        ({"service_tier": "flex"}, "service_tier", "'flex'"),
        ({"modalities": ["text", "audio"]}, "modalities", "'audio'"),
        ({"response_format": {"type": "yaml"}}, "response_format", "'yaml'"),
        ({"response_format": {"type": "json_schema"}}, "response_format", "json_schema"),
        ({"structured_outputs": {"color": "red"}}, "structured_outputs", "color"),
        ({"colour": "red"}, "colour", "unknown field"),
        ({"messages": []}, "messages", "length >= 1"),
        ({"messages": [{"role": "bard", "content": "?"}]}, "messages[0]", "system, developer"),
        ({"messages": [{"role": "function", "content": "?"}]}, "messages[0]", "of role tool"),
        ({"messages": [{"role": "tool", "content": "?"}]}, "messages[0]", "tool_call_id"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0]", "a list of parts"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}]},
            "messages[0]",
            "function: {name",
        ),
        ({"messages": said({"type": "input_audio"})}, "messages[0]", "text and image_url are taken"),
        ({"messages": said({"type": "image_url"})}, "messages[0]", "data:image/"),
        (
            {"messages": said({"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}})},
            "messages[0]",
            "send the image itself",
        ),
        (
            {"messages": said({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}})},
            "messages[0]",
            "does not begin with",
        ),
        ({"max_tokens": 0}, "max_tokens", ">= 1"),
        ({"top_logprobs": 2}, "top_logprobs", "logprobs: true"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "stream: true"),
    ],
)
def test_what_is_not_taken_is_refused_by_name(wrong, param, says):
    """No parameter is dropped in silence: the error names it and says why."""
    with pytest.raises(BadRequest) as refused:
        read(**wrong)

    assert param == refused.value.param
    assert says in refused.value.message


def test_null_fields_are_absent_fields():
    """Clients that send every field as null are answered."""
    assert {} == read(tools=None, seed=None, functions=None, guided_json=None, n=None).request.params


def test_parameters_are_plain_values():
    """What goes to an engine is what the client wrote, whatever type it was read by."""
    chosen = {"type": "function", "function": {"name": "find"}}
    asked = {"tools": [FIND], "tool_choice": chosen, "response_format": SCHEMA, "min_tokens": 3}

    assert asked == read(**asked).request.params


def test_what_is_so_without_a_word_is_no_parameter():
    """One choice, text: a certificate speaks for such a request as for one without them."""
    harmless = {"metadata": {"a": "b"}, "store": False, "service_tier": "auto", "modalities": ["text"]}

    assert {} == read(n=1, response_format={"type": "text"}, user="ann", **harmless).request.params


def test_turns_with_tools_and_images_are_taken_as_they_are():
    """Null content beside calls, the answers of tools, images: the engine gets what the client sent."""
    turns = [
        *said(
            {"type": "text", "text": "Where?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;x"}},
        ),
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_0", "content": "Oslo"},
    ]

    assert turns == read(messages=turns).request.messages


def test_a_body_nested_without_end_is_a_sentence():
    """It is refused before anything is made of it."""
    deep = b'{"model": "m", "messages": [{"role": "user", "content": ' + b"[" * 100_000

    with pytest.raises(BadRequest, match="nested too deep"):
        read_chat(deep, 30)
