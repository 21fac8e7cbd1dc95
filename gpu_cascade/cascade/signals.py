"""From a draft's token logprobs to one number. Pure; the live path and calibration share it."""

import math
from collections.abc import Sequence

from ..types import Final, TokenLogprob


def answer_tokens(final: Final) -> tuple[TokenLogprob, ...] | None:
    """The tokens that made the answer's text: no stop token, no stop string, no reasoning.

    Engines send logprobs for everything they generated, unaligned with the text. The text is looked up in
    the joined tokens, from the end (reasoning comes first); the tokens that overlap it are the answer's own.
    None where it cannot be found: then nobody knows which numbers belong to the answer.
    """
    if final.tokens is None or not final.text:
        return None
    tokens = final.tokens
    joined = "".join(token.token for token in tokens)
    if not final.reasoning and joined.startswith(final.text):
        return _between(tokens, 0, len(final.text))
    if tokens and not final.text.endswith(tokens[-1].token):  # else "end" is found in "<|im_end|>"
        joined = joined[: len(joined) - len(tokens[-1].token)]
    start = joined.rfind(final.text)
    return _without_stop(final) if start < 0 else _between(tokens, start, start + len(final.text))


def _between(tokens: Sequence[TokenLogprob], start: int, end: int) -> tuple[TokenLogprob, ...]:
    """The tokens that cover the characters from `start` to `end`."""
    kept: list[TokenLogprob] = []
    at = 0
    for token in tokens:
        if at >= end:
            break
        at += len(token.token)
        if at > start:
            kept.append(token)
    return tuple(kept)


def _without_stop(final: Final) -> tuple[TokenLogprob, ...] | None:
    """All but the stop token, where the text was not found: characters split over tokens decode apart.

    With reasoning in front there is no telling where the answer begins, hence None.
    """
    if final.reasoning or final.tokens is None:
        return None
    return final.tokens[:-1] if final.finish_reason == "stop" else final.tokens


def finite_logprobs(tokens: Sequence[TokenLogprob] | None) -> list[float] | None:
    """The logprobs in nats, or None if there are none or any is missing or not finite."""
    if not tokens:
        return None
    values = [token.logprob for token in tokens]
    if any(value is None or not math.isfinite(value) for value in values):
        return None
    return [value for value in values if value is not None]


def logprob_quantile(logprobs: Sequence[float]) -> float:
    """The k-th smallest token logprob, k = 1 + max(0, T - 32) // 10; in nats, at most 0, lower is less sure.

    Short drafts are judged by their least sure token; from 42 tokens on the k-th smallest follows the
    quantile 0.1 of what exceeds 32 tokens, so one odd token in a long draft does not decide alone.
    After Gupta et al. 2024, "Language Model Cascades: Token-level uncertainty and beyond", eq. 5.
    An empty draft scores -inf: silence is never confidence.
    """
    if not logprobs:
        return -math.inf
    k = 1 + max(0, len(logprobs) - 32) // 10
    return sorted(logprobs)[k - 1]
