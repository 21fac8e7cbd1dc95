"""All requests of the corpus, in their order; the same ones each time."""

from . import sampled, shaped, spoken, texts, wrong
from .asking import both
from .pair import Asked

_ANSWERED = (
    sampled.sampling,
    sampled.lengths,
    sampled.stops,
    sampled.choices,
    sampled.logprobs,
    spoken.messages,
    spoken.scripts,
    spoken.prompts,
    spoken.harmless,
    shaped.formats,
    shaped.grammars,
    shaped.tools,
    texts.texts,
)


def everything() -> list[Asked]:
    """Those that are answered, whole and as streams, then those that are refused."""
    answered = [asked for bodies in _ANSWERED for asked in both(bodies())]
    return [*answered, *wrong.by_the_engine(), *wrong.by_the_gateway()]
