"""Errors cross the border between processes as plain data."""

import msgspec
import pytest

from gpu_cascade.errors import CascadeError
from gpu_cascade.vram.credits.messages import KINDS, WORKER_HEARS, Refused, raised, refusal


@pytest.mark.parametrize("kind", KINDS.values())
def test_an_error_is_the_same_on_the_other_side(kind):
    """Class, words and time to wait: a client cannot tell which process raised it."""
    error = kind("2 of 2 places are taken")
    error.retry_after_s = 3.5

    sent = msgspec.msgpack.encode(refusal(7, error))
    again = raised(WORKER_HEARS.decode(sent))

    assert (kind, error.message, 3.5) == (type(again), again.message, again.retry_after_s)
    assert (str(error), error.status, error.kind) == (str(again), again.status, again.kind)


def test_an_error_that_nobody_knows_here_is_a_plain_one():
    """No name from outside is looked up anywhere else."""
    again = raised(Refused(7, "SystemExit", "no", None))

    assert (CascadeError, "no", None) == (type(again), again.message, again.retry_after_s)
