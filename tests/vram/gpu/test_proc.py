"""Linux' own accounts of memory."""

import os

import psutil
import pytest

from gpu_cascade.vram.gpu import proc
from gpu_cascade.vram.gpu.proc import machine_bytes, members, pss_bytes, rss_bytes
from gpu_cascade.vram.gpu.reading import GIB

from .holder import MIB, holding


def test_members_of_sessions():
    """All processes of a session, forks too; those of no session asked for stay out."""
    with holding(1) as one, holding(1) as other:
        fork = one.tell("fork")

        assert {one.pid, fork} == set(members([one.pid]))
        assert {one.pid, fork, other.pid} == set(members([one.pid, other.pid]))
        assert [] == members([])


def test_memory_of_a_process():
    """What was touched is there; RSS holds the shared pages that PSS divides."""
    with holding(32) as holder:
        pss, rss = pss_bytes(holder.pid), rss_bytes(holder.pid)

    assert 32 * MIB <= pss <= rss
    assert (None, 0) == (pss_bytes(holder.pid), rss_bytes(holder.pid))


def test_a_zombie_holds_nothing():
    """It has a number and no memory."""
    with holding(1) as holder:
        holder.process.kill()
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)

        assert (None, 0) == (pss_bytes(holder.pid), rss_bytes(holder.pid))


@pytest.fixture
def cgroup(tmp_path, monkeypatch):
    """Files of a control group instead of ours."""
    monkeypatch.setattr(proc, "CGROUP", tmp_path)

    def write(**files):
        for name, text in files.items():
            (tmp_path / f"memory.{name}").write_text(text)

    return write


def test_memory_inside_a_container_is_the_containers(cgroup):
    """A limit below the machine's memory counts; the page cache within it is available."""
    cache = f"anon {GIB // 2}\ninactive_file {GIB // 8}\nactive_file {GIB // 8}\nfile {GIB}\n"
    cgroup(max=f"{GIB}\n", current=f"{GIB * 3 // 4}\n", stat=cache)

    assert (GIB, GIB // 2) == machine_bytes()


def test_a_container_over_its_limit_has_nothing_left(cgroup):
    """The kernel lets it stand above for a moment; without a list of what it holds, all counts."""
    cgroup(max=f"{GIB}\n", current=f"{GIB + 1}\n")

    assert (GIB, 0) == machine_bytes()


@pytest.mark.parametrize("files", [{}, {"max": "max\n", "current": "1\n"}], ids=["no group", "no limit"])
def test_memory_without_a_limit_is_the_machines(cgroup, files):
    """Then psutil's figures count."""
    cgroup(**files)
    total, available = machine_bytes()

    assert psutil.virtual_memory().total == total
    assert 0 < available < total
