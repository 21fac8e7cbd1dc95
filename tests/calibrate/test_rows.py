"""Labelled rows are read whole or refused with file, line and cure."""

import pytest

from gpu_cascade.calibrate.rows import Row, TierAnswer, Token, encode, read
from gpu_cascade.errors import BadRows

GOOD = b'{"id": "q1", "messages": [{"role": "user", "content": "?"}], "gold": ["a"], "scorer": "f1"}\n'


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "rows.jsonl"
        path.write_bytes(text)
        return path

    return write


def test_a_row_comes_back_as_it_was_written(write):
    """Answers, tokens, opinions and groups survive the file."""
    row = Row(
        "q1",
        [{"role": "user", "content": "?"}],
        {"max_tokens": 5},
        ["a"],
        "f1",
        "doc",
        {"small": TierAnswer("a", "stop", (Token(-0.1, (-0.1, -3.0)),), 0.4, 1.0, 9)},
    )

    assert [row] == read(write(encode(row) + b"\n"))


def test_a_row_without_a_group_is_its_own(write):
    """Rows that stand alone need no group."""
    assert "q1" == read(write(GOOD))[0].cluster


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "has no rows"),
        (GOOD + b"{not json}\n", ":2: not a JSON object on one line"),
        (GOOD.replace(b'"q1"', b"7"), ":1: Expected `str`"),
        (GOOD.replace(b'"id": "q1", ', b""), ":1: Object missing required field `id`"),
        (GOOD.replace(b'"q1"', b'""'), ":1: id is empty"),
        (GOOD.replace(b'"f1"', b'"bleu"'), ":1: Invalid enum value 'bleu'"),
        (GOOD + GOOD, "1 ids stand more than once (q1)"),
        (b'{"id": "q", "messages": [], "gold": ["a"]}', ":1: messages is empty"),
        (
            GOOD.replace(
                b'"f1"',
                b'"f1", "tiers": {"s": {"text": "", "finish_reason": "stop", "tokens": '
                b'[{"logprob": NaN}], "engine_s": 1}}',
            ),
            "NaN and Infinity are not JSON",
        ),
        (
            GOOD.replace(
                b'"f1"',
                b'"f1", "tiers": {"s": {"text": "", "finish_reason": "stop", "tokens": '
                b'[{"logprob": 0.7}], "engine_s": 1}}',
            ),
            ":1: Expected `float` <= 1e-06",
        ),
        (b"\xff\xfe", ":1: "),
    ],
)
def test_bad_rows_are_refused_in_a_sentence(write, text, told):
    """Whoever wrote the file reads where to look and what belongs there."""
    with pytest.raises(BadRows) as refused:
        read(write(text))

    assert told in refused.value.message
    assert 2 == refused.value.exit_code


def test_a_missing_file_is_a_sentence(tmp_path):
    """As every other failure."""
    with pytest.raises(BadRows, match=r"rows\.jsonl cannot be read: No such file"):
        read(tmp_path / "rows.jsonl")
