"""Passages: what is found and quoted. Cut along the structure of a document, never across a heading."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .document import Block
from .sentences import Span, lines, spans


@dataclass(frozen=True, slots=True)
class Cut:
    """How documents are cut: at most `budget_tokens` a passage, as `count` counts them.

    `tokenizer` names whose tokens these are; documents are cut again when it or the budget changes. A passage
    is counted as the sum of its sentences, which is no less than the whole for tokenizers that merge letters.
    """

    budget_tokens: int
    tokenizer: str
    count: Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document: the headings above it, its page, its text, and where sentences stand in it."""

    headings: tuple[str, ...]
    page: int | None
    text: str
    sentences: tuple[Span, ...]


class _Sentence(NamedTuple):
    """A sentence, what stands between it and the one before, and both in tokens."""

    before: str
    text: str
    tokens: int


_Said = list[_Sentence]  # of one block


def split(blocks: Iterable[Block], cut: Cut) -> list[Passage]:
    """The passages of a document in order. Every sentence of every block but headings is in exactly one.

    No passage has more tokens than the budget, but one that a single sentence fills. A list, a table or code
    stays with the line above it that ends with a colon, and in one piece, where they fit. Headings are
    carried in `headings` and are no sentences: they say nothing by themselves.
    """
    passages: list[Passage] = []
    for section in _sections(blocks):
        said = [[_said(block, cut) for block in group] for group in _groups(section)]
        packed = _pack(said, cut.budget_tokens)
        passages.extend(_passage(section[0].headings, section[0].page, sentences) for sentences in packed)
    return passages


def _sections(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """What stands under one heading on one page; a heading of the same words is another one."""
    section: list[Block] = []
    for block in blocks:
        elsewhere = section and (block.headings, block.page) != (section[0].headings, section[0].page)
        if section and (elsewhere or block.kind == "heading"):
            yield section
            section = []
        if block.kind != "heading":
            section.append(block)
    if section:
        yield section


def _groups(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Blocks that belong together: items, rows or code in a row, with the line that leads to them."""
    group: list[Block] = []
    for block in blocks:
        leads = bool(group) and group[-1].text.endswith(":")
        alike = bool(group) and group[-1].kind == block.kind
        if group and (block.kind == "paragraph" or not (leads or alike)):
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _said(block: Block, cut: Cut) -> _Said:
    before = ("\n\n" if block.kind == "paragraph" else "\n") + block.marker
    found, end = [], 0
    for span in spans(block.text) if block.kind in {"paragraph", "item"} else lines(block.text):
        before += block.text[end : span.start]
        text = block.text[span.start : span.end]
        found.append(_Sentence(before, text, cut.count(before + text)))
        before, end = "", span.end
    return found


def _pack(groups: list[list[_Said]], budget: int) -> Iterator[_Said]:
    """Fill one passage after the other: with whole groups, else whole blocks, else sentences."""
    passage: _Said = []
    for piece in _pieces(groups, budget):
        if passage and _tokens(passage) + _tokens(piece) > budget:
            yield passage
            passage = []
        passage = passage + piece
    if passage:
        yield passage


def _pieces(groups: list[list[_Said]], budget: int) -> Iterator[_Said]:
    """The largest pieces that fit a passage of their own."""
    for group in groups:
        whole = [sentence for block in group for sentence in block]
        if _tokens(whole) <= budget:
            yield whole
            continue
        # What leads to a list, or heads a table, stays with the first of what follows.
        led = [group[0] + group[1], *group[2:]] if len(group) > 1 else group
        for block in led if _tokens(led[0]) <= budget else group:
            yield from [block] if _tokens(block) <= budget else ([sentence] for sentence in block)


def _tokens(said: _Said) -> int:
    return sum(sentence.tokens for sentence in said)


def _passage(headings: tuple[str, ...], page: int | None, said: _Said) -> Passage:
    text, found = "", []
    for sentence in said:
        text += sentence.before if text else _marker(sentence.before)
        found.append(Span(len(text), len(text) + len(sentence.text)))
        text += sentence.text
    return Passage(headings, page, text, tuple(found))


def _marker(before: str) -> str:
    """What a passage begins with: an item's marker, not the blanks after the sentence before."""
    marker = before.lstrip("\n")
    return marker if marker.strip() else ""
