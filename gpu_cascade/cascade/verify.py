"""Asking another engine whether a draft is right: P(True), by one token after a prefill of prompt and draft.

After Kadavath et al. 2022, "Language Models (Mostly) Know What They Know", section 3, with the judge another
model than the author.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ..engines.base import Answerer
from ..types import Final, Request, TopLogprob, Use

QUESTION = "Is this answer correct? Answer YES or NO."
MASS = 0.5  # of the judge's next token, that must lie on YES and NO: below it was not answering the question
ALTERNATIVES = 20  # vLLM's most


@dataclass(frozen=True, slots=True)
class Verification:
    """What the judge thinks, and what asking cost. `p_true` None: it said neither yes nor no."""

    p_true: float | None
    use: Use


async def verify(judge: Answerer, request: Request, draft: str) -> Verification:
    """P(True) of the draft in the judge's eyes; raises what the judge raises.

    Conversation and draft stand before the question as they would in a later turn, so the judge's prefix
    cache holds the prompt when it has to write the answer itself.
    """
    asked = [
        *request.messages,
        {"role": "assistant", "content": draft},
        {"role": "user", "content": QUESTION},
    ]
    final = await judge.answer(
        Request(
            asked,
            {"max_tokens": 1, "temperature": 0, "chat_template_kwargs": {"enable_thinking": False}},
            ALTERNATIVES,
            id=f"{request.id}-judged",
            caller=request.caller,
            deadline=request.deadline,
            urgent=True,
        )
    )
    return Verification(p_true(final), final.answered_by)


def p_true(final: Final) -> float | None:
    """P(YES) / (P(YES) + P(NO)) at the judge's first token, all spellings added up; in [0, 1].

    None without alternatives, or where YES and NO together hold less than half of the probability.
    """
    if not final.tokens:
        return None
    yes, no = _mass(final.tokens[0].top_logprobs, "yes"), _mass(final.tokens[0].top_logprobs, "no")
    return yes / (yes + no) if yes + no >= MASS else None


def _mass(alternatives: Iterable[TopLogprob], word: str) -> float:
    """The probability of all tokens that spell `word`, whatever their case and blanks."""
    return sum(
        math.exp(one.logprob)
        for one in alternatives
        if one.logprob is not None and one.token.strip().lower() == word
    )
