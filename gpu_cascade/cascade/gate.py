"""Before anything is drafted: prompts of which no draft would be kept go straight to the last tier. Pure.

Skipping can only send more to the last tier. Where it does, the answer is the last tier's own and the loss
against it is 0, so a certificate on the loss is not broken by a gate. What changes is which drafts are left
to judge: fewer, and of other prompts. So a gate is fitted before certifying, on rows of the fit split, and
the certifying rows are judged with the gate on.
"""

import math
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigError
from ..types import Request
from .learned import AGAIN, Linear, logistic, refuse_unusable
from .messages import text_of

LOOKED = (
    2000  # characters read, the last ones: documents come first, questions last; bounds the time it takes
)
QUESTION = 300  # characters of one line that asks
FACT = frozenset({"who", "whom", "whose", "what", "which", "when", "where"})
REASON = frozenset({"why", "how", "explain"})

_NOT_DIGITS = bytes(byte if chr(byte).isdigit() and byte < 128 else 32 for byte in range(256))
_OPTION = re.compile(r"\n\(?[A-H1-9][.)] ")
_CLASSES = {  # ASCII alone: bytes are counted a hundred times faster than characters
    "digits": string.digits.encode(),
    "capitals": string.ascii_uppercase.encode(),
    "punctuation": string.punctuation.encode(),
    "code": b"{}[]<>;_`\\#&|~",
    "mathematics": b"+*/=^%$",
    "ascii": bytes(range(128)),
}
PROMPT_FEATURES = (
    "log_characters",
    "log_turns",
    "log_asked",
    "log_words",
    "word_length",
    "distinct_words",
    "log_lines",
    "log_sentences",
    *_CLASSES,
    "log_numbers",
    "log_options",
    "log_question_marks",
    "log_question_words",
    "asks_fact",
    "asks_reason",
)

Messages = Sequence[Mapping[str, Any]]


class Gate(Linear, frozen=True):
    """How likely a draft for a prompt would be kept, and from where on it is worth writing.

    `threshold` in [0, 1]: break-even, where the engine-seconds of a draft equal what keeping it saves.
    Refused (`ConfigError`) as a learned rule is.
    """

    threshold: float

    def __post_init__(self) -> None:
        """Refuses what cannot be applied."""
        refuse_unusable("the gate", self, PROMPT_FEATURES)
        if not 0 <= self.threshold <= 1:
            raise ConfigError(f"the gate's threshold is {self.threshold:g}; it lies from 0 to 1; {AGAIN}")

    def probability(self, request: Request) -> float | None:
        """How likely a draft would be kept, in [0, 1]; None where the user says nothing in words."""
        values = prompt_features(request.messages)
        score = None if values is None else self.weigh(values)
        return None if score is None else logistic(score)

    def hopeless(self, request: Request) -> bool:
        """Whether a draft is not worth writing. A prompt that says nothing is drafted as any other."""
        probability = self.probability(request)
        return probability is not None and probability < self.threshold


def prompt_features(messages: Messages) -> tuple[float, ...] | None:
    """The prompt's numbers in the order of `PROMPT_FEATURES`; None where its last user message has no words.

    Of the whole conversation: characters, messages. Of the last user message: characters; and of its last
    2,000 characters: words, their mean length and the share of distinct ones, lines, sentence ends; shares of
    digits, capitals, punctuation, signs of code and of mathematics, ASCII; numbers, listed options, question
    marks; the words of the line that asks, and whether it asks for a fact or a reason (in English).
    Counts n stand as log(1 + n).
    """
    asked = next((text_of(message) for message in reversed(messages) if message.get("role") == "user"), "")
    looked = asked[-LOOKED:]
    words = looked.split()
    if not words:
        return None
    return (
        math.log1p(sum([len(text_of(message)) for message in messages])),
        math.log1p(len(messages)),
        math.log1p(len(asked)),
        math.log1p(len(words)),
        len("".join(words)) / len(words),
        len(set(words)) / len(words),
        math.log1p(looked.count("\n")),
        math.log1p(looked.count(". ") + looked.count("。")),
        *_shares(looked),
        *_question(looked),
    )


def _shares(looked: str) -> list[float]:
    """The share of the bytes in each class, and the logarithms of how many numbers and options."""
    data = looked.encode("utf-8", "replace")
    found = [1 - len(data.translate(None, members)) / len(data) for members in _CLASSES.values()]
    numbers = len(data.translate(_NOT_DIGITS).split())
    return [*found, math.log1p(numbers), math.log1p(len(_OPTION.findall(looked)))]


def _question(looked: str) -> tuple[float, float, float, float]:
    """Of the last line with a question mark, or of the last line: how many words, and what they ask for."""
    end = max(looked.rfind("?"), looked.rfind("？"), looked.rfind("؟"))  # Latin, Chinese, Arabic
    before = looked if end < 0 else looked[: end + 1]
    line = before.rstrip().rpartition("\n")[2][-QUESTION:]
    words = [word.strip(string.punctuation) for word in line.lower().split()]
    marks = looked.count("?") + looked.count("？") + looked.count("؟")
    fact, reason = not FACT.isdisjoint(words), not REASON.isdisjoint(words)
    return math.log1p(marks), math.log1p(len(words)), float(fact), float(reason)
