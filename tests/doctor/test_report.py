"""The doctor's report, for scripts and for people."""

import io
from dataclasses import asdict

import msgspec
from rich.console import Console

from gpu_cascade.doctor import examine, render

from .machines import NOTHING, cpu_machine


def test_the_report_as_json(pair):
    """The shape that scripts read: check, state, detail, cure."""
    findings = examine(pair, cpu_machine())
    data = msgspec.json.decode(msgspec.json.encode(findings))

    assert data == [asdict(finding) for finding in findings]
    assert data[0] == {"check": "python", "state": "ok", "detail": "3.12.1", "cure": ""}


def test_the_report_on_a_terminal(pair):
    """State, check, detail, and the cure below; brackets in a cure are no markup."""
    screen = io.StringIO()
    findings = examine(pair, cpu_machine(version=NOTHING.get))
    Console(file=screen, width=200).print(render(findings))
    lines = [line.split() for line in screen.getvalue().splitlines()]

    assert ["ok", "python", "3.12.1"] in lines
    assert ["fail", "torch", "is", "not", "installed"] in lines
    assert "→ run scripts/setup, or pip install 'gpu-cascade[cpu]'" in screen.getvalue()
