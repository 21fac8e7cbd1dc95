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

from .serving import COMMAND, Serve, alive, cmdline, listening, scripted, until

pytestmark = pytest.mark.scripted

YAML = """
engines:
  small: {model: any-small, max_num_seqs: 1}
  large: {model: any-large}
cascades:
  cascade: {tiers: [small, large], threshold: -0.9}
  talks: {tiers: [small, large], threshold: -0.9, sticky: {mode: skip}}
gateway: {max_queue: 1}
"""
SCRIPT = [
    {"match": "slow", "text": "word " * 400, "token_s": 0.05, "logprob": -2.0},
    {"match": "hard", "text": "Who knows.", "logprob": -3.0},
    {"match": "", "text": "Within 30 days."},
]


def start(folder, **popen):
    """A serve over scripted engines, ready to answer."""
    return scripted(folder, YAML, SCRIPT, **popen).ready()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One serve for all tests that leave it running."""
    serve = start(tmp_path_factory.mktemp("serve"))
    yield serve
    serve.stop()


@pytest.fixture
def ready(served):
    """The same, every engine back from what the test before did to it."""
    until(lambda: all(engines(served, name) for name in ("small", "large")), 30)
    until(lambda: served.get("/readyz")[0] == 200, 30)
    return served


def kill(served, pid):
    """SIGKILL one of its processes, and wait until serve has noticed."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: served.get("/readyz")[0] == 503)


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


def test_it_answers_and_tells_why(ready):
    """An easy question stays on the small engine, a hard one escalates; `why` and `status` tell."""
    _, easy = ready.ask()
    _, hard = ready.ask("a hard question")

    assert ("kept", "sure", "small") == verdict(easy)
    assert ("escalated", "unsure", "large") == verdict(hard)
    told = run(ready.folder, "why", hard["id"]).stdout
    assert "-3.00" in told
    assert "-0.90" in told
    assert hard["id"] == json.loads(run(ready.folder, "why", "last", "--json").stdout)["id"]
    assert ready.url in run(ready.folder, "status").stdout


@pytest.mark.parametrize(
    ("model", "second"), [("talks", ("skipped", "sticky", "large")), ("cascade", ("kept", "sure", "small"))]
)
def test_a_conversation_sticks_where_the_file_says_so(ready, model, second):
    """After an escalated turn the next one gets no draft."""
    turns = [{"role": "user", "content": "hard"}]
    _, first = ready.ask(model=model, messages=turns)
    turns += [first["choices"][0]["message"], {"role": "user", "content": "And by train?"}]

    assert ("escalated", "unsure", "large") == verdict(first)
    assert second == verdict(ready.ask(model=model, messages=turns)[1])


def test_time_that_cannot_pay_for_a_tier_keeps_the_draft(ready):
    """What answers take is measured while it serves."""
    ready.ask("hard")

    assert ("degraded", "budget", "small") == verdict(ready.ask("hard", cascade={"max_latency_ms": 0.001})[1])


def test_only_one_port_and_only_loopback(ready):
    """The public port is the only TCP socket; engines' Unix sockets lie where nobody else may enter."""
    assert {("0100007F", int(ready.url.rpartition(":")[2]))} == listening(ready.sessions())
    sockets = [word for word in cmdline(server(ready, "small")).split() if word.endswith("small.sock")]
    assert 0o700 == Path(sockets[0]).parent.stat().st_mode & 0o777


def test_a_full_queue(ready):
    """One runs, one waits, the third is told when to come back."""
    answers = []
    asking = [threading.Thread(target=lambda: answers.append(ready.ask("slow", "small"))) for _ in range(2)]
    for thread in asking:
        thread.start()
    until(lambda: ready.state()["engines"]["small"]["waiting"])

    status, body = ready.ask("slow", "small")

    assert (429, "rate_limit_error") == (status, body["error"]["type"])
    assert "try again in" in body["error"]["message"]
    kill(ready, server(ready, "small"))  # the others need not finish
    for thread in asking:
        thread.join(10)
    assert 2 == len(answers)
    assert {status for status, _ in answers} == {503}


def test_an_engine_killed_in_its_answer(ready):
    """The other tier takes over; with that one killed too it is a clear error; both come back."""
    answers = []
    asking = threading.Thread(target=lambda: answers.append(ready.ask("slow and hard")))
    asking.start()
    until(lambda: ready.state()["engines"]["small"]["running"])

    kill(ready, server(ready, "small"))
    until(lambda: ready.state()["engines"]["large"]["running"])
    os.kill(server(ready, "large"), signal.SIGKILL)
    asking.join(10)

    assert not asking.is_alive()
    status, body = answers[0]
    assert (503, "engine") == (status, body["error"]["source"])
    until(lambda: ready.get("/readyz")[0] == 503)
    until(lambda: ready.get("/readyz")[0] == 200, 30)
    assert ("kept", "sure", "small") == verdict(ready.ask()[1])


def test_a_lost_tier_is_covered_by_the_other(ready):
    """Without the large engine an unsure draft is served and says so; without the small the large answers."""
    kill(ready, server(ready, "large"))
    assert ("degraded", "tier_down", "small") == verdict(ready.ask("a hard question")[1])

    until(lambda: ready.get("/readyz")[0] == 200, 30)
    small = engines(ready, "small")
    kill(ready, guard(ready, "small"))
    assert ("escalated", "tier_down", "large") == verdict(ready.ask()[1])
    until(lambda: not any(alive(pid) for pid in small))


def test_a_tier_elsewhere(ready, tmp_path):
    """An engine at a URL is attached to: another gateway can be the last tier."""
    yaml = f"""
engines:
  small: {{model: any-small}}
  remote: {{url: "{ready.url}/v1", name: large}}
cascades:
  cascade: {{tiers: [small, remote], threshold: -0.9}}
"""
    served = Serve(tmp_path, yaml, "--script", str(ready.folder / "script.json")).ready()
    try:
        _, body = served.ask("a hard question")

        assert ("escalated", "unsure", "remote") == verdict(body)
        assert "attached" == served.state()["engines"]["remote"]["state"]
    finally:
        served.stop()


def test_two_serves_on_one_configuration(ready):
    """The second is told who serves already, and exits with 2."""
    second = run(ready.folder, "serve", "--fake")

    assert AlreadyServing.exit_code == second.returncode
    assert f"process {ready.process.pid} at {ready.url}" in second.stderr
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


def test_stop_leaves_nothing(tmp_path):
    """After `stop` no process lives, and the folder is free for the next."""
    served = start(tmp_path)
    mine = served.sessions()

    ended = run(tmp_path, "stop")

    assert 0 == ended.returncode
    assert 0 == served.process.wait(10)
    assert [] == [pid for pid in mine if alive(pid)]


def test_serve_killed_leaves_nothing(tmp_path):
    """SIGKILL of serve: 10 s later none of its engines lives."""
    served = start(tmp_path)
    mine = served.sessions()

    os.kill(served.process.pid, signal.SIGKILL)
    served.process.wait(10)

    until(lambda: not any(alive(pid) for pid in mine))


def test_a_store_that_cannot_grow(tmp_path):
    """Decisions that cannot be written wait, the state says why, and answers go on while there is room."""

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))  # the write-ahead log hits it soon

    served = start(tmp_path, preexec_fn=small_files)
    try:
        until(lambda: served.ask()[0] != 200 or served.state()["traces"]["last_error"], 60)
        state = served.state()["traces"]

        assert state["pending"] > 0
        assert "traces.db" in state["last_error"]
        assert 200 == served.ask()[0]
    finally:
        served.process.kill()  # a stop would wait for the disk
        served.stop()


def test_wrong_use_is_a_sentence(tmp_path):
    """A missing file, nothing running, an unknown decision: exit codes and no traceback."""
    missing = run(tmp_path, "serve")
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
