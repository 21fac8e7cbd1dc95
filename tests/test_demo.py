"""The demo as a newcomer runs it, on real models."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gpu_cascade.config import load
from gpu_cascade.running import find
from gpu_cascade.traces import read

ROOT = Path(__file__).parents[1]

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


def test_the_demo():
    """Twelve questions are answered by both tiers, each with a decision record; nothing runs afterwards."""
    argv = [sys.executable, str(ROOT / "scripts" / "demo.py"), "--json"]

    ended = subprocess.run(argv, capture_output=True, text=True, timeout=500, cwd=ROOT, check=False)

    assert 0 == ended.returncode, ended.stderr
    rows = json.loads(ended.stdout)
    assert 12 == len(rows)
    assert {"kept", "escalated"} <= {row["cascade"]["verdict"] for row in rows}
    assert {"small", "large"} == {row["cascade"]["tier"] for row in rows}
    assert all(row["answer"].strip() and row["tokens"] for row in rows)
    assert "Paris" in rows[0]["answer"]
    config = load(ROOT / "examples" / "cpu" / "models.yaml")
    assert find(config.state_dir) is None
    for row in rows:
        record = read(config.traces_path, row["cascade"]["id"])
        assert row["cascade"]["verdict"] == record.decision.verdict
