"""The modelled device, and what one engine holds of it: as a driver and vLLM's allocator have it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_cascade.engines.fake_vram import KV, OTHER, WEIGHTS, Faults, Memory, OutOfMemoryError, Sizes, Vram

from .trees import until

US, OTHERS = os.getpid(), os.getppid()
SIZES = Sizes(weights_bytes=400, kv_bytes=300, other_bytes=100, residue_bytes=(50, 20))


@pytest.fixture
def vram(tmp_path):
    return Vram.create(tmp_path / "vram.json", 1000)


@pytest.fixture
def memory(vram):
    return booted(vram)


def booted(vram, pid=US, sizes=SIZES):
    memory = Memory(vram, pid, sizes)
    memory.load(WEIGHTS, KV, OTHER)
    return memory


def sleeper():
    """A process that does nothing."""
    return subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])


def held(vram, pid=US):
    return dict(vram.read().held).get(pid, 0)


def test_a_device_gives_what_it_has(vram):
    """More than is free is not to be had; what is given back is free again."""
    assert 700 == vram.take(US, 700)
    assert 300 == vram.take(OTHERS, 500)
    assert (1000, 0, tuple(sorted([(US, 700), (OTHERS, 300)]))) == vram.read()

    vram.give(US, 200)

    assert 200 == vram.read().free_bytes


def test_many_at_once_never_take_more_than_there_is(vram):
    """Each change is one step for all."""

    def taker(pid):
        return sum(Vram(vram._path).take(pid, 3) for _ in range(60))

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(taker, [US, OTHERS] * 4))

    assert 1000 == sum(taken)
    assert 0 == vram.read().free_bytes


async def test_what_a_process_held_goes_with_it(vram):
    """As soon as it is dead, buried or not: the driver does not wait for its parent."""
    child = sleeper()
    vram.take(child.pid, 600)
    assert 400 == vram.read().free_bytes

    child.kill()
    await until(lambda: vram.read().free_bytes == 1000)  # a zombie still

    child.wait()
    assert (1000, 1000, ()) == vram.read()


@pytest.mark.parametrize(("level", "left"), [(1, 50), (2, 20)])
def test_asleep_it_keeps_a_residue(vram, memory, level, left):
    """Weights and KV cache go, and all but the residue of the rest; a wake takes everything back."""
    memory.sleep(level)
    assert left == held(vram)

    memory.wake(())
    assert 800 == held(vram)


def test_level_2_needs_its_weights_from_disk(memory):
    """Mapped again they hold nothing until they are read."""
    memory.sleep(2)
    memory.wake([WEIGHTS])
    assert memory.garbled

    memory.reload()
    memory.wake([KV])

    assert not memory.garbled
    assert set() == memory.asleep


def test_weights_that_are_not_mapped_cannot_be_read(memory):
    """The order of the calls matters."""
    memory.sleep(2)

    with pytest.raises(OutOfMemoryError):
        memory.reload()


def test_the_kv_cache_alone(vram, memory):
    """Released, the weights stay; asleep after that, nothing is given twice."""
    memory.release()
    assert 500 == held(vram)

    memory.sleep(1)
    assert 50 == held(vram)


def test_a_wake_that_failed_is_not_rolled_back(vram, memory):
    """What fitted stays mapped; a sleep then does nothing; a wake goes on when there is room."""
    memory.sleep(1)
    vram.take(OTHERS, 600)
    with pytest.raises(OutOfMemoryError, match="100 of 400 bytes of weights"):
        memory.wake([WEIGHTS, KV])
    assert 400 == held(vram)

    memory.sleep(1)
    assert 400 == held(vram)

    vram.give(OTHERS, 600)
    memory.wake(())
    assert 800 == held(vram)


@pytest.mark.parametrize("tags", [["nonsense"], [KV], [WEIGHTS, KV]])
def test_a_tag_that_is_awake_makes_the_call_nothing(vram, memory, tags):
    """Here the KV cache is awake: no tag of the call is woken, and nothing is said."""
    memory.sleep(1)
    memory.wake([KV])
    before = held(vram)

    memory.wake(tags)

    assert before == held(vram)
    assert {WEIGHTS} == memory.asleep


def test_scripted_wakes_run_out_of_memory(vram, memory):
    """As often as was said, whatever is free; half of the weights are mapped by then."""
    memory.sleep(1)
    memory.faults = Faults(wake_oom=2)
    for mapped in (250, 350):
        with pytest.raises(OutOfMemoryError):
            memory.wake(())
        assert mapped == held(vram)

    memory.wake(())

    assert 800 == held(vram)


def test_a_lie_gives_nothing_back(vram, memory):
    """It believes itself asleep and holds everything."""
    memory.faults = Faults(lies=True)
    memory.sleep(1)

    assert {WEIGHTS, KV} == memory.asleep
    assert 800 == held(vram)


def test_gibberish_comes_with_a_wake(memory):
    """The weights are others from then on."""
    memory.faults = Faults(gibberish=True)
    memory.sleep(1)
    assert not memory.garbled

    memory.wake(())

    assert memory.garbled


ops = st.sampled_from(["sleep1", "sleep2", "release", "wake", "weights", "kv_cache", "lie", "truth", "oom"])


@settings(max_examples=50)
@given(moves=st.lists(st.tuples(st.sampled_from([0, 1]), ops), max_size=20))
def test_whatever_happens_the_books_are_right(tmp_path_factory, moves):
    """Two engines and any calls: nobody holds more than it needs, together never more than there is."""
    vram = Vram.create(tmp_path_factory.getbasetemp() / "any.json", 1000)
    engines = [booted(vram, US), Memory(vram, OTHERS, SIZES)]
    engines[1].asleep = {WEIGHTS, KV}
    for which, what in moves:
        moved(engines[which], what)
        reading = vram.read()
        assert [sum(engine._mapped.values()) for engine in engines] == [held(vram, US), held(vram, OTHERS)]
        assert 0 <= reading.free_bytes == 1000 - sum(size for _, size in reading.held)
        assert all(engine._mapped[tag] <= engine._whole[tag] for engine in engines for tag in engine._whole)


def moved(memory, what):
    """One call, whatever comes of it."""
    faults = {"lie": Faults(lies=True), "truth": Faults(), "oom": Faults(wake_oom=1)}
    try:
        if what.startswith("sleep"):
            memory.sleep(int(what[-1]))
        elif what == "release" and not memory.asleep:
            memory.release()
        elif what in faults:
            memory.faults = faults[what]
        elif what in {"wake", WEIGHTS, KV}:
            memory.wake(() if what == "wake" else (what,))
    except OutOfMemoryError:
        pass
