"""Which of a draft's tokens count, and their numbers. Pure; nothing here knows a threshold."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..types import Final, TokenLogprob

ROUNDING = 1e-6  # log(1.0000001) is 1e-7; more above 0 is no logprob (`--logprobs-mode raw_logits`, say)
RULED_OUT = -9999.0  # vLLM's stand-in for -inf, and what it sends for a token whose logprob it lost
FORCED = -1e-6  # above it the grammar left no other token, or the model saw none


@dataclass(frozen=True, slots=True)
class Evidence:
    """The numbers of a draft's own tokens, T >= 1 of them.

    logprobs: (T,) nats, of the sampled tokens; finite and at most 0.
    tops: (T,) each the largest logprobs at that place, largest first, nats, at most 0; `RULED_OUT` for an
        alternative without probability; () where none were asked for or one of them was no number.
    cut: the draft ended at its token limit.
    """

    logprobs: Sequence[float]
    tops: Sequence[Sequence[float]]
    prompt_tokens: int = 0
    cut: bool = False


def evidence(
    final: Final, *, guided: bool = False, first: int | None = None, tops: bool = True
) -> Evidence | None:
    """What the draft's own tokens say; None where that is nothing, or any logprob is missing or no number.

    `first`: the first so many of them alone. `tops` false: the alternatives are not read, for a signal that
    needs none of them.

    (a) An answer: the tokens that made its text.
    (b) Tool calls: those of their arguments, for the wrapping is always the same.
    (c) After reasoning: those after the end of thinking, found as (a).
    (d) `guided` by a grammar: of these, the ones where it left a choice.
    """
    tokens = argument_tokens(final) if final.tool_calls else answer_tokens(final)
    if guided:
        tokens = free_tokens(tokens or ())
    tokens = tokens[:first] if tokens else None
    logprobs = finite_logprobs(tokens)
    if logprobs is None or tokens is None:
        return None
    places = tuple([top_of(token) for token in tokens]) if tops else ((),) * len(tokens)
    return Evidence(logprobs, places, final.answered_by.prompt_tokens, final.finish_reason == "length")


def is_guided(params: Mapping[str, Any]) -> bool:
    """Whether a request with these parameters may be answered under a grammar.

    vLLM puts one over tool calls as well: for a named or required tool, a `strict` one, a single call, and
    with some parsers always. Taking tokens for forced that were merely certain makes a draft no surer.
    """
    calls = "tools" in params and params.get("tool_choice") != "none"
    return calls or "structured_outputs" in params or "response_format" in params


def answer_tokens(final: Final) -> tuple[TokenLogprob, ...] | None:
    """The tokens that made the answer's text: no stop token, no stop string, no reasoning.

    Engines send logprobs for everything they generated, unaligned with the text. The text is looked up in
    the joined tokens, from the end (reasoning comes first); the tokens that overlap it are the answer's own.
    None where it cannot be found: then nobody knows which numbers belong to the answer.
    """
    if final.tokens is None or not final.text:
        return None
    tokens = final.tokens
    joined = "".join([token.token for token in tokens])
    whole = len(joined)
    if not final.reasoning and joined.startswith(final.text):
        return _between(tokens, 0, len(final.text), whole)
    if tokens and not final.text.endswith(tokens[-1].token):  # else "end" is found in "<|im_end|>"
        joined = joined[: whole - len(tokens[-1].token)]
    start = joined.rfind(final.text)
    return _without_stop(final) if start < 0 else _between(tokens, start, start + len(final.text), whole)


def argument_tokens(final: Final) -> tuple[TokenLogprob, ...] | None:
    """The tokens that cover the arguments of its tool calls, each text looked up after the one before it.

    They stand after the thoughts and the text, which may say the same. None where one is not found as it
    stands: an engine that writes the JSON anew hides whose numbers those are.
    """
    if final.tokens is None:
        return None
    joined = "".join([token.token for token in final.tokens])
    kept: list[TokenLogprob] = []
    end = 0
    for said in (final.reasoning.strip(), final.text.strip()):
        start = joined.find(said, end)
        if start < 0:
            return None
        end = start + len(said)
    for text in final.arguments:
        start = joined.find(text, end)
        if start < 0:
            return None
        end = start + len(text)
        kept += _between(final.tokens, start, end, len(joined))
    return tuple(kept)


def free_tokens(tokens: Sequence[TokenLogprob]) -> tuple[TokenLogprob, ...]:
    """The tokens that were not forced: vLLM masks before it takes logprobs, so forced ones come at 0.

    They would make a long form look surer than a short one. A missing number stays, to be missed.
    """
    return tuple(token for token in tokens if token.logprob is None or not token.logprob > FORCED)


def _between(tokens: tuple[TokenLogprob, ...], start: int, end: int, whole: int) -> tuple[TokenLogprob, ...]:
    """The tokens, `whole` characters in all, that cover those from `start` to `end`.

    Empty ones in front belong to it: the first bytes of a character come as "" until its last token is there.
    """
    first, ends = 0, 0
    for token in tokens:
        ends += len(token.token)
        if ends > start or (ends == start and not token.token):
            break
        first += 1
    last, begins = len(tokens), whole
    while last > first and (begins := begins - len(tokens[last - 1].token)) >= end:
        last -= 1
    return tokens[first:last]


def _without_stop(final: Final) -> tuple[TokenLogprob, ...] | None:
    """All but the stop token, where the text was not found: characters split over tokens decode apart.

    With reasoning in front there is no telling where the answer begins, hence None.
    """
    if final.reasoning or final.tokens is None:
        return None
    return final.tokens[:-1] if final.finish_reason == "stop" else final.tokens


def finite_logprobs(tokens: Sequence[TokenLogprob] | None) -> list[float] | None:
    """The logprobs in nats, at most 0, or None if there are none or any is missing or no logprob."""
    if not tokens:
        return None
    values = [token.logprob for token in tokens if token.logprob is not None]
    if len(values) < len(tokens) or math.isnan(sum(values)):  # NaN would hide from `min` and `max`
        return None
    if min(values) <= RULED_OUT or max(values) > ROUNDING:
        return None
    return values if max(values) <= 0.0 else [min(value, 0.0) for value in values]


def top_of(token: TokenLogprob) -> tuple[float, ...]:
    """The alternatives at one place, largest first, nats; () where one of them is missing or no logprob.

    vLLM lists the sampled token first, whatever its rank; where it is not among the k asked for it takes the
    place of the k-th.
    """
    given = token.top_values
    values = [value for value in given if value is not None]
    if not values or len(values) < len(given) or math.isnan(sum(values)):
        return ()
    values.sort(reverse=True)
    if values[0] > ROUNDING:
        return ()
    if values[0] > 0.0 or values[-1] < RULED_OUT:
        values = [max(RULED_OUT, min(value, 0.0)) for value in values]
    return tuple(values)
