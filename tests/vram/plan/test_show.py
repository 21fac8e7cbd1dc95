"""A plan as a person reads it."""

import io
from dataclasses import replace

from rich.console import Console

from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.plan.books import Booked
from gpu_cascade.vram.plan.rooms import named_rooms
from gpu_cascade.vram.plan.show import cells, render
from gpu_cascade.vram.plan.want import ESCALATED, Mode

from .made import plan, room, varied, want

SMALL = want("small", 2.9, 28672, min_tokens=32768, max_num_seqs=64, drafts=True)
LARGE = want("large", 61, 262144, min_tokens=16384, weight=ESCALATED)
HUGE = want("huge", 68, 327680, min_tokens=16384, weight=ESCALATED**2)


def shown(found):
    """Lines of a terminal of 80 columns without colours."""
    console = Console(width=80, no_color=True, record=True, file=io.StringIO())
    console.print(render(found), highlight=False)
    return console.export_text().splitlines()


def test_what_stays_is_shown_with_what_it_holds():
    """A line for each engine, a bar for the GPU, and how many requests each tier holds at once."""
    lines = shown(plan([SMALL, LARGE], named_rooms("1xH200"), Mode.AUTO, None))

    assert "it fits: every engine stays in memory" == lines[0]
    bar = next(line for line in lines if line.startswith(" 0 H200"))
    assert {"W", "o", "K", "R"} <= set(bar)
    assert any(line.startswith("large holds 27 requests of 8,192 tokens at once") for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_turns_have_a_bar_each():
    """Who is awake, and what the sleeping one leaves."""
    lines = shown(plan([SMALL, LARGE, HUGE], named_rooms("1xH200"), Mode.AUTO, 300 * GIB))

    assert "awake: small, large; huge asleep" in lines
    assert 2 == sum(line.startswith(" 0 H200") for line in lines)
    assert any("z" in line for line in lines if line.startswith(" 0 H200"))


def test_what_does_not_fit_is_shown_with_what_helps():
    """How much is too much on which GPU, and the cures with their GiB."""
    lines = shown(plan([SMALL, varied(LARGE)], named_rooms("2xL40S"), Mode.AUTO, None))

    assert lines[0].startswith("it does not fit:")
    assert any("GiB too much" in line for line in lines)
    assert any("engines.large.tensor_parallel: 2 (frees" in line for line in lines)
    assert any("calibrate again" in line for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_no_engine_can_be_shown_where_gpus_are_too_few():
    """The sentence alone."""
    lines = shown(plan([want("large", 30, tensor_parallel=4)], [room(80)] * 2, Mode.AUTO, None))

    assert "large wants 4 GPUs of one kind" in " ".join(lines)


def test_a_bar_has_a_letter_for_all_there_is():
    """As long as it should be, however thin the slices."""
    assert [34, 1, 1, 1, 2, 1] == cells(Booked(1000, 1, 1, 1, 50, 1))
    assert [0, 0, 0, 0, 39, 1] == cells(Booked(free=100, reserve=1))
    assert 40 == sum(cells(Booked(1, 1, 1, 1, -5, 1)))


def test_a_bar_shows_what_is_missing_and_no_more():
    """Where engines may take turns, the one that does not fit stands alone in it."""
    lines = shown(plan([SMALL, LARGE], [room(60, reserve_gib=1)], Mode.AUTO, None))

    assert "it does not fit: 8.00 GiB on GPU 0 (60GiB) are missing" in lines[0]
    assert "awake: large; small absent" in lines
    assert any("8.0 GiB too much" in line for line in lines)


def test_estimates_are_said():
    """A line for each."""
    made = want("large", 30)
    made = replace(made, footprint=replace(made.footprint, estimated=("weights: computed",)))

    assert "large: weights: computed" in shown(plan([made], [room(80)], Mode.AUTO, None))
