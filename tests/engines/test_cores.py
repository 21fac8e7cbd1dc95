"""How many threads an engine on the processor gets."""

import os

import pytest

from gpu_cascade.engines import cores as module
from gpu_cascade.engines.cores import cores


@pytest.mark.parametrize(
    ("limit", "expected"), [("200000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("", 8)]
)
def test_a_container_counts_its_share(tmp_path, monkeypatch, limit, expected):
    """Eight threads in a container of two cores would be stopped for most of every tenth of a second."""
    (tmp_path / "cpu.max").write_text(limit)
    monkeypatch.setattr(module, "CPU_MAX", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr("psutil.cpu_count", lambda logical: 8)

    assert cores() == expected


def test_two_threads_of_a_core_count_once(tmp_path, monkeypatch):
    """Physical cores, and only those we may run on."""
    monkeypatch.setattr(module, "CPU_MAX", tmp_path / "missing")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr("psutil.cpu_count", lambda logical: 4)
    assert cores() == 4

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert cores() == 2
