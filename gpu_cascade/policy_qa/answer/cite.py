"""From what the model wrote to an answer with quotes, or to "the policies do not answer this". Pure."""

from dataclasses import dataclass

from ...cascade.checks.cited import look, read
from ...types import Final, Request
from .prompt import Prompt, Sentence

NOT_ANSWERED = "The policies do not answer this."
NEAREST = 3  # sentences shown where nothing answers


@dataclass(frozen=True, slots=True)
class Citation:
    """A sentence that an answer rests on, word for word, and where it stands. `sentence` counts from 1."""

    document: str
    heading: str
    page: int | None
    passage: int  # its place in the document
    sentence: int
    quote: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, and on what. Not `answered`: `citations` are the nearest that there is."""

    answered: bool
    text: str
    citations: tuple[Citation, ...]


def answer(prompt: Prompt, final: Final) -> Answer:
    """The answer that `final` gives, if its sentences bear it; nothing else is ever shown."""
    cited = read(final.text)
    score, _ = look(Request(prompt.messages), final)
    if cited is None or not cited.numbers or score != 1.0 or final.finish_reason != "stop":
        return Answer(False, NOT_ANSWERED, _nearest(prompt))
    named = tuple(citation(prompt.sentences[number - 1]) for number in cited.numbers)
    return Answer(True, cited.said, named)


def citation(sentence: Sentence) -> Citation:
    """Where a sentence stands."""
    passage = sentence.passage
    heading = passage.headings[-1] if passage.headings else ""
    return Citation(passage.path, heading, passage.page, passage.ordinal, sentence.place + 1, sentence.quote)


def as_text(found: Answer) -> str:
    """For clients that know nothing of citations: the answer, then each quote with its place."""
    head = found.text if found.answered or not found.citations else f"{found.text} The nearest passages:"
    lines = [
        f"[{number}] {_where(one)}: “{one.quote}”" for number, one in enumerate(found.citations, start=1)
    ]
    return "\n".join([head, *([""] if lines else []), *lines])


def _where(one: Citation) -> str:
    page = f", page {one.page}" if one.page is not None else ""
    return f"{one.document}{' › ' if one.heading else ''}{one.heading}{page}"


def _nearest(prompt: Prompt) -> tuple[Citation, ...]:
    """The first sentence of each of the first passages."""
    firsts = [sentence for sentence in prompt.sentences if sentence.place == 0]
    return tuple(citation(sentence) for sentence in firsts[:NEAREST])
