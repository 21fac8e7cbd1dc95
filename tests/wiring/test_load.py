"""What stands before an answer of an engine, as the scheduler's books have it."""

from gpu_cascade.config import from_pair
from gpu_cascade.events import Hooks
from gpu_cascade.staging.fake import staged_fake
from gpu_cascade.vram.scheduler.words import State
from gpu_cascade.wiring.engines import Engines


async def test_an_engine_that_is_away_needs_its_way_back(tmp_path):
    """From where it rests, a boot that has begun as a whole one; awake nothing."""
    engines = Engines(
        from_pair("a/small", "a/large"), staged_fake(from_pair("a/small", "a/large"), tmp_path, None), Hooks()
    )
    one = engines.scheduler.core.engines["large"]

    assert one.profile.boot_s == engines.load("large").away_s
    for state, expected_s in (
        (State.BOOTING, one.profile.boot_s),
        (State.ASLEEP, one.profile.wake_s),
        (State.READY, 0),
    ):
        one.stands(state, 0.0)
        assert expected_s == engines.load("large").away_s
    await engines.close()


async def test_who_waits_is_counted_in_rounds(tmp_path):
    """A free place: none; all taken: the next that comes free; each waiting one before that."""
    config = from_pair("a/small", "a/large")
    engines = Engines(config, staged_fake(config, tmp_path, None), Hooks())
    desk = engines.scheduler.core.engines["large"].desk
    desk.places = 4

    found = []
    for desk.taken, desk.waiting in ((0, 0), (3, 0), (4, 0), (4, 7)):
        found.append(engines.load("large").ahead)

    assert [0, 0, 0.25, 2.0] == found
    desk.taken = desk.waiting = 0
    await engines.close()
