"""A budget of RAM as a device: read from real processes that allocate and touch memory."""

import os

import pytest

from gpu_cascade.vram.gpu import host
from gpu_cascade.vram.gpu.host import HostRamProbe
from gpu_cascade.vram.gpu.proc import rss_bytes
from gpu_cascade.vram.gpu.reading import GIB, HOST

from .holder import MIB, holding

SLACK = 24 * MIB  # a bare interpreter takes 8


class Clock:
    """Time that a test moves."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def holder():
    with holding(64) as process:
        yield process


@pytest.fixture
def read(holder, clock, monkeypatch):
    """Read the budget that stands before the holder's session; the same probe each time."""
    monkeypatch.setattr(host, "machine_bytes", lambda: (64 * GIB, 64 * GIB))
    probe = HostRamProbe(GIB, lambda: [holder.pid], clock)

    def reading():
        (device,) = probe.devices()
        return device

    return reading


def test_a_budget_is_a_device(read, holder):
    """Its size, what the session's process holds, and what is left."""
    device = read()

    (process,) = device.processes
    assert (HOST, "host memory", GIB) == (device.uuid, device.label, device.total_bytes)
    assert process.pid == holder.pid
    assert 64 * MIB <= process.used_bytes <= 64 * MIB + SLACK
    assert GIB - process.used_bytes == device.free_bytes


def test_without_engines_all_of_it_is_free(monkeypatch):
    """No session, no process."""
    monkeypatch.setattr(host, "machine_bytes", lambda: (64 * GIB, 64 * GIB))
    (device,) = HostRamProbe(GIB).devices()

    assert ((), GIB) == (device.processes, device.free_bytes)


def test_shared_memory_counts_once(read, holder):
    """A forked child maps all that its parent holds: twice in RSS, once here."""
    child = holder.tell("fork")
    device = read()

    assert {holder.pid, child} == {process.pid for process in device.processes}
    assert 128 * MIB <= rss_bytes(holder.pid) + rss_bytes(child)
    assert 64 * MIB <= device.used_bytes <= 64 * MIB + SLACK


def test_large_changes_show_at_once(read, holder, clock):
    """Both ways, though no walk is due; time stands still here."""
    read()
    holder.tell("take 64")
    assert 128 * MIB <= read().used_bytes <= 128 * MIB + SLACK

    clock.now += host.FRESH_S
    read()
    holder.tell("drop")
    assert read().used_bytes <= SLACK


def test_a_little_that_is_given_back_shows_with_the_next_walk(read, holder, clock):
    """Until then the figure errs high."""
    holder.tell("drop")
    holder.tell("take 40")
    read()
    holder.tell("drop")
    assert 40 * MIB <= read().used_bytes
    clock.now += host.FRESH_S
    assert read().used_bytes <= SLACK


def test_the_end_of_a_process_shows_at_once(read, holder):
    """What it shared is now the other's alone, before the next walk is due."""
    holder.tell("fork")
    assert 2 == len(read().processes)
    holder.tell("join")
    device = read()

    assert [holder.pid] == [process.pid for process in device.processes]
    assert 64 * MIB <= device.used_bytes <= 64 * MIB + SLACK


def test_a_process_that_has_ended_holds_nothing(read, holder, monkeypatch):
    """As a zombie that nobody has collected yet, and gone after it was listed."""
    read()
    holder.process.kill()
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
    assert () == read().processes

    holder.process.wait()
    monkeypatch.setattr(host, "members", lambda _: [holder.pid])
    assert (0, ()) == (read().used_bytes, read().processes)


def test_one_that_ends_under_the_walk_holds_nothing(read, holder, monkeypatch, caplog):
    """It was there when its RSS was read, and PSS finds it gone: no warning about the kernel."""
    monkeypatch.setattr(host, "pss_bytes", lambda _: None)
    sizes = iter([64 * MIB, 0])
    monkeypatch.setattr(host, "rss_bytes", lambda _: next(sizes))

    assert (0, []) == (read().used_bytes, caplog.records)


def test_free_has_two_floors(holder, monkeypatch):
    """Never below zero, and never more than the machine has available."""
    monkeypatch.setattr(host, "machine_bytes", lambda: (64 * GIB, 3 * GIB))

    (small,) = HostRamProbe(32 * MIB, lambda: [holder.pid]).devices()
    (large,) = HostRamProbe(900 * GIB, lambda: [holder.pid]).devices()

    assert (0, 3 * GIB) == (small.free_bytes, large.free_bytes)


def test_rss_stands_in_where_pss_cannot_be_read(read, holder, clock, monkeypatch, caplog):
    """Another user's process, or a kernel without the file: said once, with the cure."""
    monkeypatch.setattr(host, "pss_bytes", lambda _: None)
    device = read()
    clock.now += host.FRESH_S
    read()

    assert rss_bytes(holder.pid) == device.used_bytes
    (record,) = caplog.records
    assert f"/proc/{holder.pid}/smaps_rollup cannot be read" in record.getMessage()
    assert "the user of its engines" in record.getMessage()


def test_walks_take_a_twentieth_of_a_core_at_most(read, clock, monkeypatch):
    """Where one takes 2 s, the next is due 40 s later."""
    walks = []

    def slowly(pid):
        walks.append(pid)
        clock.now += 2
        return 64 * MIB

    monkeypatch.setattr(host, "pss_bytes", slowly)
    for passed_s in (0, 39, 0.5, 0.5):
        clock.now += passed_s
        read()

    assert 2 == len(walks)
