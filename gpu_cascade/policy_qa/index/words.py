"""The words that a text is found by."""

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_MARKS = re.compile(r"[\u0300-\u036f]+")  # accents and umlauts, once taken apart from their letters


def words(text: str) -> list[str]:
    """The words of a text in order: lower case, without accents, English plurals as their singular.

    "1,000" is 1000, "part-time" two words, "Überstunden" is uberstunden; signs are no words.
    """
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return [_stem(word) for word in _WORD.findall(plain)]


@lru_cache(maxsize=100_000)
def key(word: str) -> int:
    """64 bits that stand for a word: no table of words remembers those of a document that is gone."""
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")


def _stem(word: str) -> str:
    """Harman's S stemmer ("How effective is suffixing?", 1991): policies → policy, class → class."""
    if word[0].isdigit():
        return word.replace(",", "")
    if len(word) > 4 and word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("es") and word[-3] not in "aeo":
        return word[:-1]
    if len(word) > 3 and word.endswith("s") and word[-2] not in "us":
        return word[:-1]
    return word
