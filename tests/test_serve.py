"""`gpu-cascade serve` as a process, with scripted engines as processes under their guards."""

import json
import os
import resource
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from gpu_cascade.errors import AlreadyServing

from .serving import COMMAND, Serve, alive, cmdline, listening, until

YAML = """
engines:
  small: {model: any-small}
  large: {model: any-large}
cascades:
  cascade: {tiers: [small, large], threshold: -0.9}
"""


@pytest.fixture
def serve(tmp_path):
    """Start serves; all of them are ended with the test."""
    started = []

    def start(*options, yaml=YAML, script=None, **popen):
        if script is not None:
            path = tmp_path / "script.json"
            path.write_text(json.dumps(script))
            options = (*options, "--script", str(path))
        started.append(Serve(tmp_path, yaml, "--fake", *options, **popen))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def run(folder, *command):
    argv = [*COMMAND, *command, "--config", str(folder / "models.yaml")]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def engines(served, name):
    """The processes of one engine: its guard and the server."""
    return [pid for pid in served.sessions() if f"{name}.sock" in cmdline(pid) and pid != served.process.pid]


def server(served, name):
    """The engine itself: the youngest of them."""
    return max(engines(served, name))


def guard(served, name):
    return min(engines(served, name))


def test_it_answers_and_tells_why(serve, tmp_path):
    """An easy question stays on the small engine, a hard one escalates; `why` tells both; `stop` ends it."""
    served = serve().ready()

    _, easy = served.ask()
    _, hard = served.ask("a hard question")

    assert ("kept", "small") == (easy["cascade"]["verdict"], easy["cascade"]["tier"])
    assert ("escalated", "large") == (hard["cascade"]["verdict"], hard["cascade"]["tier"])
    told = run(tmp_path, "why", hard["id"])
    assert "-3.00" in told.stdout
    assert "-0.90" in told.stdout
    assert hard["id"] == json.loads(run(tmp_path, "why", "last", "--json").stdout)["id"]
    assert "ready" in run(tmp_path, "status").stdout
    mine = served.sessions()
    assert 0 == run(tmp_path, "stop").returncode
    assert 0 == served.process.wait(10)
    assert [] == [pid for pid in mine if alive(pid)]


def test_only_one_port_and_only_loopback(serve):
    """The public port is the only TCP socket; engines' Unix sockets lie where nobody else may enter."""
    served = serve().ready()

    found = listening(served.sessions())

    assert {("0100007F", int(served.url.rpartition(":")[2]))} == found
    sockets = [word for word in cmdline(server(served, "small")).split() if word.endswith("small.sock")]
    assert 0o700 == Path(sockets[0]).parent.stat().st_mode & 0o777


def test_an_engine_killed_in_its_answer(serve):
    """The other tier takes over; with that one killed too it is a clear error; both come back."""
    script = [{"match": "slow", "text": "word " * 1000, "token_s": 0.05, "logprob": -2.0}]
    script.append({"match": "hard", "text": "Who knows.", "logprob": -3.0})
    served = serve(script=script).ready()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(served.ask("slow and hard")))
    asking.start()
    until(lambda: served.state()["engines"]["small"]["running"])

    os.kill(server(served, "small"), signal.SIGKILL)
    until(lambda: served.state()["engines"]["large"]["running"])
    lost = server(served, "large")
    os.kill(lost, signal.SIGKILL)
    asking.join(10)

    assert not asking.is_alive()
    status, body = answers[0]
    assert (502, "engine") == (status, body["error"]["source"])
    until(lambda: lost not in engines(served, "large") and served.get("/readyz")[0] == 200, 20)
    assert "kept" == served.ask()[1]["cascade"]["verdict"]


def test_a_lost_tier_is_covered_by_the_other(serve):
    """Without the large engine an unsure draft is served and says so; without the small the large answers."""
    served = serve().ready()
    os.kill(server(served, "large"), signal.SIGKILL)
    until(lambda: served.get("/readyz")[0] == 503)
    _, body = served.ask("a hard question")
    assert ("degraded", "tier_down", "small") == verdict(body)

    until(lambda: served.get("/readyz")[0] == 200, 20)
    os.kill(guard(served, "small"), signal.SIGKILL)
    until(lambda: served.get("/readyz")[0] == 503)
    _, body = served.ask()
    assert ("escalated", "tier_down", "large") == verdict(body)


@pytest.mark.parametrize("victim", ["serve", "guard", "server"])
def test_nothing_is_left(serve, victim):
    """Whoever is killed: of what it was responsible for nothing lives 10 s later."""
    served = serve().ready()
    mine = served.sessions()
    small = engines(served, "small")
    pid = {"serve": served.process.pid, "guard": guard(served, "small"), "server": server(served, "small")}[
        victim
    ]

    os.kill(pid, signal.SIGKILL)
    if victim == "serve":
        served.process.wait(10)

    until(lambda: not any(alive(each) for each in (mine if victim == "serve" else small)))


def test_two_serves_on_one_configuration(serve, tmp_path):
    """The second is told who serves already, and exits with 2."""
    served = serve().ready()

    second = run(tmp_path, "serve", "--fake")

    assert AlreadyServing.exit_code == second.returncode
    assert f"process {served.process.pid} at {served.url}" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_port_that_is_taken(tmp_path):
    """No engine is started only to find that out."""
    (tmp_path / "models.yaml").write_text(YAML)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(tmp_path, "serve", "--fake", "--port", str(port))

    assert 2 == ended.returncode
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_beyond_loopback_a_key_is_needed(tmp_path):
    """Listening on every address without a key is refused before anything starts."""
    (tmp_path / "models.yaml").write_text(YAML)

    ended = run(tmp_path, "serve", "--fake", "--host", "0.0.0.0")

    assert 2 == ended.returncode
    assert "GPU_CASCADE_API_KEY" in ended.stderr


def test_a_store_that_cannot_grow_refuses_and_says_so(serve):
    """When decisions cannot be written, requests are refused with the reason and nothing crashes."""
    limit = 200_000  # bytes a file may have: the write-ahead log hits it after some hundred rows

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    yaml = YAML + "traces: {on_full: refuse}\n"
    served = serve(yaml=yaml, preexec_fn=small_files).ready()

    until(lambda: served.ask()[0] != 200 or served.state()["traces"]["last_error"], 60)

    assert served.state()["traces"]["last_error"]
    assert alive(served.process.pid)


def test_wrong_use_is_a_sentence(tmp_path):
    """A missing file, nothing running, an unknown decision: exit codes and no traceback."""
    missing = run(tmp_path, "status")
    assert (2, True) == (missing.returncode, "models.yaml" in missing.stderr)
    (tmp_path / "models.yaml").write_text(YAML)
    idle = run(tmp_path, "status")
    assert (3, True) == (idle.returncode, "gpu-cascade serve" in idle.stderr)
    unknown = run(tmp_path, "why", "gc-none")
    assert unknown.returncode in {1, 2}
    assert all("Traceback" not in ended.stderr for ended in (missing, idle, unknown))


def verdict(body):
    cascade = body["cascade"]
    return cascade["verdict"], cascade["reason"], cascade["tier"]
