"""What is asked of the cascade itself: by the body, by headers, and what is refused by its name."""

import time

import msgspec
import pytest

from gpu_cascade.errors import BadRequest
from gpu_cascade.gateway.asked import read_chat, read_completion
from gpu_cascade.types.wish import NO_WISH, Sticky, Wish


def read(cascade=None, headers=()):
    body = {"model": "cascade", "messages": [{"role": "user", "content": "?"}]}
    if cascade is not None:
        body["cascade"] = cascade
    return read_chat(msgspec.json.encode(body), 30, headers).request.wish


def test_without_a_word_nothing_is_asked():
    """Also by an empty object, null fields, and other headers."""
    assert NO_WISH == read() == read({}) == read({"tier": None, "explain": False}, [(b"accept", b"*/*")])


def test_the_body_says_it():
    """Each word in its own type."""
    assert Wish("small", explain=True) == read({"tier": "small", "explain": True})
    assert Wish(max_tier="small", confidence=-1.0, sticky=Sticky.OFF) == read(
        {"max_tier": "small", "confidence": -1, "sticky": "off"}
    )


def test_headers_say_it_too():
    """The same words, with dashes."""
    said = [
        (b"x-cascade-max-tier", b"small"),
        (b"x-cascade-confidence", b" -0.5 "),
        (b"x-cascade-explain", b"true"),
        (b"x-cascade-sticky", b"skip"),
    ]

    assert Wish(None, "small", None, -0.5, Sticky.SKIP, explain=True) == read(headers=said)


def test_where_both_say_a_word_the_bodys_holds():
    """And each adds what the other does not say."""
    said = [(b"x-cascade-confidence", b"-0.5"), (b"x-cascade-explain", b"1")]

    assert Wish(confidence=-0.1, explain=True) == read({"confidence": -0.1, "explain": None}, said)


def test_a_latency_becomes_a_moment():
    """Milliseconds from the arrival."""
    before = time.monotonic()

    due = read(headers=[(b"x-cascade-max-latency-ms", b"1500")]).due

    assert before + 1.5 <= due <= time.monotonic() + 1.5


@pytest.mark.parametrize(
    ("cascade", "param", "says"),
    [
        ({"colour": "red"}, "cascade.colour", "unknown field"),
        ({"tier": ""}, "cascade.tier", "length >= 1"),
        ({"tier": 1}, "cascade.tier", "Expected `str"),
        ({"max_latency_ms": 0}, "cascade.max_latency_ms", "> 0"),
        ({"confidence": "high"}, "cascade.confidence", "Expected `float"),
        ({"sticky": "on"}, "cascade.sticky", "'on'"),
        ({"explain": 1}, "cascade.explain", "Expected `bool"),
        ("small", "cascade", "Expected `object"),
        ({"tier": "small", "max_tier": "small"}, "cascade.max_tier", "beside cascade.tier"),
        ({"tier": "small", "max_latency_ms": 5}, "cascade.max_latency_ms", "beside cascade.tier"),
        ({"tier": "small", "confidence": -1}, "cascade.confidence", "beside cascade.tier"),
        ({"tier": "small", "sticky": "off"}, "cascade.sticky", "beside cascade.tier"),
    ],
)
def test_what_the_body_may_not_say_is_refused_by_name(cascade, param, says):
    """Unknown words, other types, and what decides nothing."""
    with pytest.raises(BadRequest) as refused:
        read(cascade)

    assert param == refused.value.param
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("said", "param", "says"),
    [
        ([(b"x-cascade-colour", b"red")], "x-cascade-colour", "may carry x-cascade-tier"),
        ([(b"x-cascade-explain", b"perhaps")], "x-cascade-explain", "'perhaps': Expected `bool"),
        ([(b"x-cascade-max-latency-ms", b"soon")], "x-cascade-max-latency-ms", "'soon'"),
        ([(b"x-cascade-confidence", b"nan")], "cascade.confidence", "finite"),
        ([(b"x-cascade-confidence", b"inf")], "cascade.confidence", "finite"),
        (
            [(b"x-cascade-tier", b"small"), (b"x-cascade-tier", b"large")],
            "x-cascade-tier",
            "both 'small' and 'large'",
        ),
    ],
)
def test_what_a_header_may_not_say_is_refused_by_name(said, param, says):
    """An unknown one, a value that is none, and the same word with two values."""
    with pytest.raises(BadRequest) as refused:
        read(headers=said)

    assert param == refused.value.param
    assert says in refused.value.message


def test_one_header_twice_with_one_value_is_one():
    """A proxy may have added it."""
    assert Wish("small") == read(headers=[(b"x-cascade-tier", b"small")] * 2)


def test_a_completion_says_it_as_well_and_has_no_turns():
    """`sticky` is refused there; all else is as in a chat."""
    body = msgspec.json.encode({"model": "m", "prompt": "?", "cascade": {"explain": True}})

    assert read_completion(body, 30).request.wish.explain
    with pytest.raises(BadRequest, match="a completion has none"):
        read_completion(body, 30, [(b"x-cascade-sticky", b"off")])
