"""How right an answer is: from an answer and what would be right to a number in [0, 1]. Pure."""

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from ..cascade.checks.json_schema import accepts, compiled
from ..errors import BadRows, ConfigError
from .rows import Scorer

RIGHT = 0.5  # a score from here on is a right answer: scores may be fractional (F1)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?|-?\.\d+")


def score(answer: str, gold: Sequence[str], scorer: Scorer) -> float:
    """The best score of the answer over everything that would be right; 0 where nothing would."""
    measure = SCORERS[scorer]
    return max((measure(answer, right) for right in gold), default=0.0)


def same(answer: str, other: str, scorer: Scorer) -> bool:
    """Whether two answers say the same: the one scored as if the other were right."""
    return score(answer, [other], scorer) >= RIGHT


def exact(answer: str, right: str) -> float:
    """1 where both are the same words: case, punctuation, articles and blanks aside."""
    return float(words(answer) == words(right))


def f1(answer: str, right: str) -> float:
    """The harmonic mean of precision and recall over words, as SQuAD's script has it (Rajpurkar et al. 2016).

    1 where both are without words, 0 where only one is.
    """
    said, wanted = words(answer), words(right)
    if not said or not wanted:
        return float(said == wanted)
    shared = sum((Counter(said) & Counter(wanted)).values())
    return 2 * shared / (len(said) + len(wanted))


def number(answer: str, right: str) -> float:
    """1 where the answer's last number is the last number of `right`; thousands' commas aside."""
    said, wanted = _numbers(answer), _numbers(right)
    if not said or not wanted:
        return 0.0
    return float(abs(said[-1] - wanted[-1]) <= 1e-6 * max(1.0, abs(wanted[-1])))


def choice(answer: str, right: str) -> float:
    """1 where the first line of the answer begins with the right option and with no longer word."""
    said, wanted = words(answer.strip().partition("\n")[0]), words(right)
    return float(bool(wanted) and said[: len(wanted)] == wanted)


def schema(answer: str, right: str) -> float:
    """1 where the answer is JSON that the schema in `right` accepts; a code fence around it may stand.

    Raises `BadRows` where `right` is no schema: the label is wrong, not the answer.
    """
    try:
        wanted = compiled(msgspec.json.decode(right))
    except (msgspec.MsgspecError, ConfigError) as error:
        raise BadRows(f"gold of a json_schema row must be a JSON Schema: {error}") from None
    return accepts(wanted, answer)[0] or 0.0


def words(text: str) -> list[str]:
    """The words that count: lower case, without punctuation and articles."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def _numbers(text: str) -> list[float]:
    return [float(found.replace(",", "")) for found in _NUMBER.findall(text)]


SCORERS: Mapping[Scorer, Callable[[str, str], float]] = {
    "exact": exact,
    "f1": f1,
    "number": number,
    "choice": choice,
    "json_schema": schema,
}
