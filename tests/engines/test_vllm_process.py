"""The command line, the environment, the installed version, and what a log says."""

import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from gpu_cascade.config import EngineConfig
from gpu_cascade.engines.boot_log import cause, last_lines
from gpu_cascade.engines.vllm_build import Build, installed
from gpu_cascade.engines.vllm_process import Launch, argv, environment
from gpu_cascade.errors import ConfigError

CPU, CUDA = Build("0.32.0", cpu=True), Build("0.33.0", cpu=False)


def launch(socket=Path("/run/small.sock"), build=CUDA, **config):
    config = EngineConfig(**{"model": "org/model", "max_num_seqs": 8} | config)
    return Launch("small", config, Path("/models/m"), socket, 2**30, 0.3, build)


def value(command, flag):
    """What stands behind `flag`; it stands there once."""
    assert command.count(flag) == 1
    return command[command.index(flag) + 1]


def test_the_command_line_says_all_that_must_not_be_guessed():
    """Memory, names, logprobs and limits are always given; none is left to vLLM's defaults."""
    command = argv(launch(max_model_len=4096, dtype="bfloat16"))

    assert command[:3] == [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    expected = {
        "--model": "/models/m",
        "--served-model-name": "small",
        "--uds": "/run/small.sock",
        "--kv-cache-memory-bytes": str(2**30),
        "--gpu-memory-utilization": "0.30",
        "--generation-config": "vllm",
        "--logprobs-mode": "raw_logprobs",
        "--max-logprobs": "20",
        "--max-num-seqs": "8",
        "--max-model-len": "4096",
        "--dtype": "bfloat16",
    }
    assert {flag: value(command, flag) for flag in expected} == expected
    assert "--disable-uvicorn-access-log" in command


def test_what_was_not_asked_for_is_not_said():
    """Optional settings leave no trace where models.yaml is silent; no TCP address is ever given."""
    command = " ".join(argv(launch()))

    for flag in (
        "--max-model-len",
        "--quantization",
        "--tensor-parallel-size",
        "--port",
        "--host",
        "--enforce-eager",
    ):
        assert flag not in command


def test_settings_of_models_yaml_reach_the_command_line():
    """Quantisation and tensor parallelism have keys of their own."""
    command = argv(launch(quantization="fp8", tensor_parallel=2))

    assert value(command, "--quantization") == "fp8"
    assert value(command, "--tensor-parallel-size") == "2"


@pytest.mark.parametrize(("build", "flagged"), [(CUDA, True), (CPU, False)])
def test_an_engine_that_sleeps_is_told_so(build, flagged):
    """The flag on a GPU alone: the processor's build would not boot with it. The calls are there on both."""
    assert flagged == ("--enable-sleep-mode" in argv(replace(launch(build=build), sleeps=True)))
    assert "--enable-sleep-mode" not in argv(launch(build=build))
    assert environment(build, {}, sleeps=True)["VLLM_SERVER_DEV_MODE"] == "1"
    assert "VLLM_SERVER_DEV_MODE" not in environment(build, {})


def test_priorities_count_where_they_are_wanted():
    """Else requests go as they come."""
    assert value(argv(replace(launch(), priority=True)), "--scheduling-policy") == "priority"
    assert "--scheduling-policy" not in argv(launch())


def test_extra_arguments_come_last():
    """True is a flag, false its negation, null nothing, anything else a value that may begin with a dash."""
    args = {"enable-lora": True, "enable-prefix-caching": False, "seed": 7, "swap-space": None, "x": "-1"}
    command = argv(launch(args=args))

    assert command[-4:] == ["--enable-lora", "--no-enable-prefix-caching", "--seed=7", "--x=-1"]


def test_the_processor_needs_no_compilation():
    """The CPU build runs eagerly, unless models.yaml wants it otherwise: its word comes last."""
    command = argv(launch(build=CPU, args={"enforce-eager": False}))

    assert command.index("--enforce-eager") < command.index("--no-enforce-eager")


def test_one_process_less_on_the_processor():
    """Without tensor parallelism the core computes itself; with it, vLLM needs its workers."""
    assert value(argv(launch(build=CPU)), "--distributed-executor-backend").endswith("UniProcExecutor")
    assert "--distributed-executor-backend" not in argv(launch(build=CPU, tensor_parallel=2))
    assert "--distributed-executor-backend" not in argv(launch(build=CUDA))


def test_threads_on_the_processor_wait_asleep():
    """All cores for each engine, unbound; what the user has set stays; a GPU engine needs none of it."""
    env = environment(CPU, {"OMP_NUM_THREADS": "3"}, threads=2)

    assert env["OMP_WAIT_POLICY"] == "passive"
    assert env["VLLM_CPU_OMP_THREADS_BIND"] == "nobind"
    assert env["OMP_NUM_THREADS"] == "3"
    assert environment(CPU, {}, threads=2)["OMP_NUM_THREADS"] == "2"
    assert "OMP_WAIT_POLICY" not in environment(CUDA, {})


def test_engines_get_no_secrets():
    """Keys of remote engines and clients, tokens and passwords stay with us."""
    ours = {"OPENAI_API_KEY": "a", "HF_TOKEN": "b", "DB_PASSWORD": "c", "MY_REMOTE": "d", "VLLM_API_KEY": "e"}
    env = environment(CPU, ours | {"PATH": "/bin", "TOKENIZERS_PARALLELISM": "false"}, secrets={"MY_REMOTE"})

    assert not set(ours) & set(env)
    assert env["PATH"] == "/bin"
    assert env["TOKENIZERS_PARALLELISM"] == "false"


def test_engines_are_offline_and_on_loopback():
    """No hub, no usage statistics, no rendezvous on a public address, no KV size beside our own."""
    env = environment(CPU, {"VLLM_HOST_IP": "10.0.0.1", "VLLM_CPU_KVCACHE_SPACE": "40"})

    assert env["VLLM_HOST_IP"] == "127.0.0.1"
    assert env["HF_HUB_OFFLINE"] == env["TRANSFORMERS_OFFLINE"] == "1"
    assert env["VLLM_NO_USAGE_STATS"] == env["DO_NOT_TRACK"] == "1"
    assert "VLLM_CPU_KVCACHE_SPACE" not in env


@pytest.mark.parametrize(
    ("found", "build"),
    [
        ({"vllm": "0.33.0"}, Build("0.33.0", cpu=False)),
        ({"vllm": "0.33.0+cpu"}, Build("0.33.0+cpu", cpu=True)),
        ({"vllm-cpu": "0.32.0"}, Build("0.32.0", cpu=True)),
        ({"vllm": "0.34.0rc1"}, Build("0.34.0rc1", cpu=False)),
    ],
)
def test_the_installed_vllm_is_known_by_its_metadata(monkeypatch, found, build):
    """Two package names; a newer version than we know is tried."""
    monkeypatch.setattr("importlib.metadata.version", lambda name: found.get(name) or missing(name))

    assert installed() == build
    assert installed().known == (found.get("vllm") != "0.34.0rc1")


def missing(name):
    raise PackageNotFoundError(name)


@pytest.mark.parametrize(
    ("found", "says"), [({}, "scripts/setup"), ({"vllm": "0.11.2"}, "0.11.2 is too old")]
)
def test_no_usable_vllm_is_a_sentence(monkeypatch, found, says):
    """None at all, or one older than what we pass to it."""
    monkeypatch.setattr("importlib.metadata.version", lambda name: found.get(name) or missing(name))

    with pytest.raises(ConfigError, match=says):
        installed()


NO_ROOM = """\
(APIServer pid=1) WARNING 11-22 21:23:58 [system_utils.py:255] This can cause `OSError: [Errno 24]`
(EngineCore pid=2) INFO 11-22 21:24:29 [kv_cache_utils.py:1] Maximum concurrency
(EngineCore pid=2) ERROR 11-22 21:24:30 [core.py:1510] EngineCore failed to start.
(EngineCore pid=2) ERROR 11-22 21:24:30 [core.py:1510] Traceback (most recent call last):
(EngineCore pid=2) ERROR 11-22 21:24:30 [core.py:1510]     raise ValueError(
(EngineCore pid=2) ERROR 11-22 21:24:30 [core.py:1510] ValueError: 0.18 GiB KV cache is needed
(APIServer pid=1) Traceback (most recent call last):
(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above.
"""
REFUSED = "usage: api_server.py [-h]\napi_server.py: error: unrecognized arguments: --foo"
ECHO = "RuntimeError: Engine core initialization failed. See root cause above."


@pytest.mark.parametrize(
    ("log", "found"),
    [
        (NO_ROOM, "ValueError: 0.18 GiB KV cache is needed"),
        (REFUSED, "api_server.py: error: unrecognized arguments: --foo"),
        ("hub.errors.HFValidationError: Repo id must be", "hub.errors.HFValidationError: Repo id must be"),
        (ECHO, ECHO),
        ("INFO 11-22 21:24:29 [a.py:1] all is well", None),
        ("", None),
    ],
)
def test_the_cause_is_the_first_exception_that_echoes_no_other(log, found):
    """vLLM's processes raise after each other; warnings that mention an exception are none."""
    assert cause(log.splitlines()) == found


def test_the_last_lines_say_something():
    """Without vLLM's prefix and without empty lines."""
    assert last_lines([*NO_ROOM.splitlines(), "", "  "], 2) == [
        "Traceback (most recent call last):",
        ECHO,
    ]
