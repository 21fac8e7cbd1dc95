"""The prompt of policy Q&A: what was found, as numbered sentences, and the form of an answer. Pure.

Small models rarely copy a sentence right, and lose JSON in blanks; a line `[2] within 30 days` under a
regular expression they do well after two examples. Numbers stand for sentences, so quotes are cut by us.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...cascade.checks.cited import QUESTION
from ..documents.sentences import Span
from ..find.join import Excerpt
from ..index.reader import Stored

VERSION = 1  # of all that stands here: answers of another version are not what was calibrated

FORM = r"\[(none|[0-9]{1,3}(, [0-9]{1,3}){0,3})\] [^\n]+"
PARAMS: Mapping[str, Any] = {
    "temperature": 0,
    "max_tokens": 96,
    "structured_outputs": {"regex": FORM},
}

SYSTEM = (
    "You answer questions about an organisation's policies. The user gives numbered sentences from them, "
    "and a question. Answer in one line: the numbers of the sentences that say it, in brackets, then a short "
    "answer in their words. If none of them says it, answer: [none] not in the policies"
)
_BIKES = (
    "From: Facilities › Bicycles\n[1] Bicycles may be kept in the cellar.\n[2] The cellar closes at 8 pm."
)
EXAMPLES = (
    (f"{_BIKES}\n\n{QUESTION}Until when can I get my bike?", "[2] until 8 pm, when the cellar closes"),
    (f"{_BIKES}\n\n{QUESTION}Is there a shower for cyclists?", "[none] not in the policies"),
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage, as it stands in the prompt by its number."""

    passage: Stored
    place: int  # in the passage, from 0 on
    span: Span

    @property
    def quote(self) -> str:
        """Word for word what the document says."""
        return self.passage.text[self.span.start : self.span.end]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is asked; sentence n is `sentences[n - 1]`."""

    messages: tuple[Mapping[str, Any], ...]
    sentences: tuple[Sentence, ...]


def compose(question: str, excerpts: Sequence[Excerpt]) -> Prompt:
    """The prompt for a question and what was found for it, numbered from 1 on."""
    sentences = tuple(_sentences(excerpts))
    numbers = {(one.passage.id, one.place): number for number, one in enumerate(sentences, start=1)}
    pieces = [_piece(excerpt, numbers) for excerpt in excerpts]
    asked = "\n\n".join([*pieces, f"{QUESTION}{_line(question)}"])
    turns = [("system", SYSTEM), *(turn for said in EXAMPLES for turn in _turn(*said)), ("user", asked)]
    return Prompt(tuple({"role": role, "content": text} for role, text in turns), sentences)


def _sentences(excerpts: Sequence[Excerpt]) -> Iterator[Sentence]:
    for excerpt in excerpts:
        for passage in excerpt.passages:
            for place, span in enumerate(passage.sentences):
                yield Sentence(passage, place, span)


def _piece(excerpt: Excerpt, numbers: Mapping[tuple[int, int], int]) -> str:
    """Where it is from, then a line for each sentence: no line of a document can pass for one of ours."""
    first = excerpt.passages[0]
    lines = ["From: " + " › ".join(map(_line, (first.title, *first.headings)))]
    for passage in excerpt.passages:
        for place, span in enumerate(passage.sentences):
            lines.append(f"[{numbers[passage.id, place]}] {_line(passage.text[span.start : span.end])}")
    return "\n".join(lines)


def _line(text: str) -> str:
    return " ".join(text.split())


def _turn(asked: str, answered: str) -> Iterator[tuple[str, str]]:
    yield "user", asked
    yield "assistant", answered
