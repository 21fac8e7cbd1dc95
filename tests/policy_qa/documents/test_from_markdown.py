"""Markdown becomes blocks under headings."""

import pytest

from .made import said, shown

HANDBOOK = """---
title: Leave
---
Intro with [a link](/x), *stress* and `code`,
on two lines.

## Kinds {#kinds}

You get:

- **Annual** leave
  - nested
- sick ~~days~~ <del>*all*</del>leave

1. First
2. Second

   More of it.

### Rates

| Years | Days |
|---|---|
| 0-3 | 13 |

<details markdown="block">
<summary>Records</summary>

- Kept in Drive
</details>

```
tock --help
```

<!-- a remark -->
![picture](x.png)
"""


def test_blocks_in_order():
    """Each block by its kind, without markup; pictures, remarks and struck text are left out."""
    expected = [
        ("paragraph", "Intro with a link, stress and code, on two lines."),
        ("heading", "Kinds"),
        ("paragraph", "You get:"),
        ("item", "- Annual leave"),
        ("item", "  - nested"),
        ("item", "- sick leave"),
        ("item", "1. First"),
        ("item", "2. Second"),
        ("item", "   More of it."),
        ("heading", "Rates"),
        ("row", "Years | Days"),
        ("row", "0-3 | 13"),
        ("paragraph", "Records"),
        ("item", "- Kept in Drive"),
        ("code", "tock --help"),
    ]

    assert expected == shown(said(HANDBOOK))


def test_headings_above_a_block():
    """A block carries the headings that stand open, outermost first."""
    blocks = said(HANDBOOK).blocks

    assert [(), ("Kinds",), ("Kinds", "Rates")] == [blocks[i].headings for i in (0, 3, 10)]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("---\ntitle: Said\n---\n# Heading\n\nText", "Said"),
        ("# Heading\n\n## Part\n\nText", "Heading"),
        ("## One\n\nText\n\n## Two\n\nText", "remote work"),
        ("Text", "remote work"),
    ],
)
def test_title(text, title):
    """What front matter says, else the heading over everything, else the file's name."""
    assert title == said(text, "hr/remote-work.md").title


def test_a_hard_break_stays():
    """Lines that the author broke stay lines: addresses, verses."""
    assert [("paragraph", "Street 1\n1010 Wien\nAustria")] == shown(said("Street 1  \n1010 Wien<br>Austria"))
