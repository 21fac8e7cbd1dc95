"""What to do where it does not fit: a cure is another question, and counts only if that one fits. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .arrange import Arrangement, Question, arrange, hopeless
from .changes import HARMLESS, Step, steps
from .want import Change, Mode, Want

ROUND_TOKENS = 256  # proposed token counts are multiples of this
SHOWN = 3
SEARCH_STEPS = 300  # of the placement, for each question that is tried


@dataclass(frozen=True, slots=True)
class Cure:
    """A change of models.yaml, and what it frees on each GPU of the engine (a mode: on the fullest GPU).

    `enough`: alone it makes everything fit. `recalibrate`: a calibration made before does not hold after it.
    """

    what: str
    saves_bytes: int
    enough: bool
    recalibrate: bool


def cures(question: Question, found: Arrangement | None) -> tuple[Cure, ...]:
    """The three with the least harm that suffice alone; else changes that suffice together; else none.

    Harm in this order: fewer tokens at once, no CUDA graphs, more GPUs for one engine, taking turns; then
    what asks for a new calibration: shorter context, KV cache in fp8, weights in fp8 or in 4 bits. Of one
    kind only the engine is named that loses least.
    """
    short = _short(question, found)
    alone: list[Cure] = []
    for change in (*HARMLESS, None, *(other for other in Change if other not in HARMLESS)):
        cure = _turns(question, found) if change is None else _best(change, question, short)
        alone += [cure] if cure else []
        if len(alone) == SHOWN:
            break
    return tuple(alone) or _together(question, short)


def _short(question: Question, found: Arrangement | None) -> list[Want]:
    """The engines on devices where bytes are missing; all, where one finds too few GPUs of a kind."""
    if found is None:
        return list(question.wants)
    short = {device for device, missing in enumerate(found.placement.missing) if missing}
    return [w for w, on in zip(question.wants, found.placement.places, strict=True) if short & set(on)]


def _best(change: Change, question: Question, short: Sequence[Want]) -> Cure | None:
    """The gentlest change of this kind to one engine that suffices alone."""
    found = [step for want in short if (step := _sufficing(change, want, question))]
    return _cure(min(found, key=lambda step: step.loss), enough=True) if found else None


def _sufficing(change: Change, want: Want, question: Question) -> Step | None:
    """The gentlest change of this kind to this engine that suffices, None where none does."""
    step = next((step for step in steps(change, want) if _fits(question, [step])), None)
    return _gentler(step, question) if step and step.tokens else step


def _gentler(step: Step, question: Question) -> Step:
    """The most tokens with which it still suffices; `step` goes as far as it can."""
    before = step.want.min_tokens if step.change is Change.MIN_TOKENS else step.want.max_model_len
    low, high = step.tokens // ROUND_TOKENS, -(-before // ROUND_TOKENS)
    while high - low > 1:
        middle = (low + high) // 2
        tried = replace(step, tokens=middle * ROUND_TOKENS)
        if _fits(question, [tried]):
            step, low = tried, middle
        else:
            high = middle
    return step


def _turns(question: Question, found: Arrangement | None) -> Cure | None:
    """Taking turns, where that was not asked for."""
    if found is None or question.mode is Mode.AUTO:
        return None
    asked = replace(question, mode=Mode.AUTO)
    better = None if hopeless(asked) else arrange(asked, SEARCH_STEPS)
    if better is None or not better.placement.fits:
        return None
    saved = max(found.placement.missing)
    return Cure(f"vram.mode: {better.mode} (from {question.mode})", saved, enough=True, recalibrate=False)


def _together(question: Question, short: Sequence[Want]) -> tuple[Cure, ...]:
    """Changes in order of harm until it fits, less those that are not needed; none where all do not do."""
    kinds = [one for one in Change if one is not Change.TENSOR_PARALLEL]
    every = [step for change in kinds for want in short for step in list(steps(change, want))[-1:]]
    if not _fits(question, every):
        return ()
    few, many = 0, len(every)
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if _fits(question, every[:middle]) else (middle, many)
    return tuple(_cure(step, enough=False) for step in _needed(question, every[:many]))


def _needed(question: Question, taken: list[Step]) -> list[Step]:
    """What must stay: the most harmful are tried first."""
    for step in reversed(taken):
        others = [other for other in taken if other is not step]
        if _fits(question, others):
            taken = others
    return taken


def _fits(question: Question, taken: Sequence[Step]) -> bool:
    """Whether everything fits with these changes."""
    wants = {want.name: want for want in question.wants}
    for step in taken:
        wants[step.want.name] = step.apply(wants[step.want.name])
    changed = replace(question, wants=tuple(wants.values()))
    if hopeless(changed):
        return False
    found = arrange(changed, SEARCH_STEPS)
    return found is not None and found.placement.fits


def _cure(step: Step, *, enough: bool) -> Cure:
    return Cure(step.what, step.saves_bytes, enough, step.change not in HARMLESS)
