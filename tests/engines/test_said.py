"""What an engine has said so far, where engines differ from what clients need."""

from gpu_cascade.engines.said import Calls
from gpu_cascade.engines.wire_text import decode_text
from gpu_cascade.types import FunctionCall, FunctionPiece, ToolCall, ToolCallPiece


def piece(name=None, arguments=None, id=None, index=0):  # noqa: A002 - the field's name
    return ToolCallPiece(index, id, None, FunctionPiece(name, arguments))


def test_id_type_and_name_come_once():
    """Clients append what they get: an engine that repeats itself would double them."""
    calls = Calls()

    first = calls.add(piece("find", '{"a"', "call_9"))
    second = calls.add(piece("find", ": 1}", "call_9"))

    assert ToolCallPiece(0, "call_9", "function", FunctionPiece("find", '{"a"')) == first
    assert ToolCallPiece(0, None, None, FunctionPiece(None, ": 1}")) == second
    assert (ToolCall("call_9", FunctionCall("find", '{"a": 1}')),) == calls.whole()


def test_each_call_has_an_id():
    """An engine that gives none leaves it to us, and the whole has the same."""
    calls = Calls()

    given = [calls.add(piece("find", "{}", index=index)).id for index in (1, 0)]

    assert 2 == len({*given})
    assert given[::-1] == [call.id for call in calls.whole()]


def test_an_older_completion_reads_as_a_chat():
    """Its lists become tokens; a token that nothing is known of stays unknown."""
    body = decode_text(
        b'{"choices": [{"index": 1, "text": "a b", "finish_reason": "stop", "logprobs": {"tokens": ["a",'
        b' " b"], "token_logprobs": [-0.5, null], "top_logprobs": [{"a": -0.5, "c": -2.0}, null]}}]}'
    )

    (choice,) = body.choices
    known, unknown = choice.logprobs.content
    assert (1, "a b", "a b", "stop") == (
        choice.index,
        choice.message.content,
        choice.delta.content,
        choice.finish_reason,
    )
    assert [("a", -0.5), ("c", -2.0)] == [(top.token, top.logprob) for top in known.top_logprobs]
    assert (" b", None, []) == (unknown.token, unknown.logprob, unknown.top_logprobs)
