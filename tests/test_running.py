"""The record of a running serve: one at a time, found, stopped, and never mistaken for a stale one."""

import os
import subprocess
import sys

import pytest

from gpu_cascade.errors import AlreadyServing, ConfigError, Unavailable
from gpu_cascade.running import announce, find, found, hold, stop

HOLDER = """
import signal, sys
from pathlib import Path
from gpu_cascade.running import announce, hold
with hold(Path(sys.argv[1])):
    announce(Path(sys.argv[1]), "http://127.0.0.1:1")
    print("held", flush=True)
    signal.sigwait({signal.SIGTERM})
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder."""
    argv = [sys.executable, "-c", f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {{15}}){HOLDER}"]
    with subprocess.Popen([*argv, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert "held" == process.stdout.readline().strip()
        yield process
        process.kill()


def test_one_at_a_time(holder, tmp_path):
    """A second serve on the same folder is told who holds it and what to do."""
    with pytest.raises(AlreadyServing, match=f"process {holder.pid} at http://127.0.0.1:1"), hold(tmp_path):
        pass


def test_found_while_it_runs_and_not_after(holder, tmp_path):
    """The record counts as long as its process holds the lock, however that ended."""
    assert (holder.pid, "http://127.0.0.1:1") == (found(tmp_path).pid, find(tmp_path).url)

    holder.kill()
    holder.wait()

    assert find(tmp_path) is None
    assert (tmp_path / "serve.json").exists()
    with pytest.raises(Unavailable, match="gpu-cascade serve"):
        found(tmp_path)
    with hold(tmp_path):
        announce(tmp_path, "http://127.0.0.1:2")
        assert os.getpid() == find(tmp_path).pid


def test_stop_waits_until_it_has_let_go(holder, tmp_path):
    """After `stop` the process is gone and the folder is free."""
    assert holder.pid == stop(tmp_path).pid

    assert find(tmp_path) is None
    assert 0 == holder.wait(timeout=5)


def test_nothing_to_stop(tmp_path):
    """Stopping what does not run says so."""
    with pytest.raises(Unavailable, match="nothing is being served"):
        stop(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    """A state folder in the way of a file is a sentence with a cure."""
    (tmp_path / "state").write_text("")

    with pytest.raises(ConfigError, match="GPU_CASCADE_STATE"), hold(tmp_path / "state"):
        pass
