"""Drafts to check, prompts to check them against, and texts that mean no good."""

from hypothesis import strategies as st

from gpu_cascade.types import Final, Request

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=400)  # lone surrogates too
PIECES = st.sampled_from(
    ['"', "“", "”", "«", "»", "{", "}", "[", "]", "```", "\n", "```python\n", "\\", ",", ".", " "]
)
ANY_MARKUP = st.lists(st.one_of(PIECES, ANY_TEXT), max_size=30).map("".join)


def draft(text, finish_reason="stop"):
    return Final(text, finish_reason, "small")


def request(*contents, role="user"):
    return Request([{"role": role, "content": content} for content in contents])


def hostile(length):
    """Texts of about `length` characters that are chosen to be slow, deep or unreadable."""
    return {
        "blank": " \n" * (length // 2),
        "one line": "a" * length,
        "NUL": "\0" * length,
        "surrogates": "\ud800" * length,
        "brackets": "[" * length,
        "objects": '{"a":' * (length // 5),
        "open string": '["' + '\\"' * (length // 2),
        "marks": '"' * length,
        "open marks": "“" * length,
        "fences": "```a\n" * (length // 5),
        "digits": "9" * length,
        "numbers": "1 " * (length // 2),
        "points": "1." * (length // 2),
        "subscripts": "[1]" * (length // 3),
        "minus": "-" * length + "1",
        "comparison": "a<" * (length // 2) + "a",
        "statements": "a;" * (length // 2),
        "sorry": "sorry " * (length // 6),
        "x": "x" * length + "!",
    }
