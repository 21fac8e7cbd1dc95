"""The code blocks of an answer."""

import pytest
from hypothesis import given

from gpu_cascade.cascade.checks.fences import Block, blocks

from .texts import ANY_MARKUP


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("no code", []),
        ("```\na\nb\n```", [Block("", "a\nb")]),
        ("Here:\n```Python title=x\na\n```\nDone.", [Block("python", "a")]),
        ("  ```json\n  {}\n  ```  ", [Block("json", "  {}")]),
        ("```\na\n```\n```py\nb\n```", [Block("", "a"), Block("py", "b")]),
        ("```\n```", [Block("", "")]),
        ("```python\nleft open", []),
        ("Use ```a``` here\n```a```\n", []),
        ("```\n```py\n```", [Block("", "```py")]),
        ("````\na\n````", [Block("", "a")]),
        ("```\r\na\r\n```\r\n", [Block("", "a\r")]),
    ],
)
def test_a_block_stands_between_two_fences(text, found):
    """With its language; a fence with a language opens, and one that is never closed makes no block."""
    assert found == blocks(text)


@given(ANY_MARKUP)
def test_bodies_are_parts_of_the_text(text):
    """Nothing is added and nothing changed."""
    assert all(block.body in text for block in blocks(text))
