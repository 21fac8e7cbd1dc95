"""The gateways that people have: nginx from the system, the others each in an environment of its own."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from environments import python

from gpu_cascade.models.store import cache_dir

from .machine import program
from .process import Gateway, free_port, started

NGINX = """
worker_processes 1;
master_process off;
daemon off;
error_log stderr error;
pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  upstream stub {{ server {stub}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://stub;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""
HERE = ("--host", "127.0.0.1", "--port")
KEY = "sk-local-benchmark"  # LiteLLM does not start without one


@contextmanager
def nginx(stub: str, folder: Path, core: int) -> Iterator[Gateway]:
    """A reverse proxy that keeps its connections and buffers nothing."""
    shown = subprocess.run([program("nginx"), "-v"], capture_output=True, text=True, check=False).stderr
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, stub=stub.removeprefix("http://"), port=port))
    url = f"http://127.0.0.1:{port}"
    argv = (program("nginx"), "-e", "stderr", "-c", file)
    with started(argv, core, f"{url}/health", folder) as pid:
        yield Gateway(url, shown.strip().rpartition("/")[2], pid)


@contextmanager
def vllm_router(stub: str, folder: Path, core: int) -> Iterator[Gateway]:
    """VLLM's router in Rust, with one worker behind it."""
    command, version = installed("vllm-router", "vllm-router==0.1.17", "vllm-router")
    port, other = free_port(), free_port()
    argv = (command, "--worker-urls", stub, *HERE, str(port), "--policy", "round_robin")
    quiet = ("--log-level", "error", "--prometheus-port", str(other))
    url = f"http://127.0.0.1:{port}"
    with started((*argv, *quiet), core, f"{url}/v1/models", folder) as pid:
        yield Gateway(url, version, pid)


@contextmanager
def litellm(stub: str, folder: Path, core: int) -> Iterator[Gateway]:
    """LiteLLM's proxy with one worker, without a database."""
    command, version = installed("litellm", "litellm[proxy]==1.106.2", "litellm")
    port = free_port()
    to_stub = {"model": "openai/small", "api_base": f"{stub}/v1", "api_key": "none"}
    settings = {"model_list": [{"model_name": "small", "litellm_params": to_stub}]}
    file = folder / "litellm.yaml"  # JSON is YAML
    file.write_text(json.dumps({**settings, "general_settings": {"master_key": KEY}}))
    argv = (command, "--config", file, *HERE, str(port), "--num_workers", "1", "--telemetry", "False")
    env = {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": KEY}
    url = f"http://127.0.0.1:{port}"
    with started(argv, core, f"{url}/health/liveliness", folder, env) as pid:
        yield Gateway(url, version, pid, {"authorization": f"Bearer {KEY}"})


@contextmanager
def cascadeflow(stub: str, folder: Path, core: int) -> Iterator[Gateway]:
    """Its gateway with both models of the stub as vLLM's; it keeps or escalates by rules of its own."""
    command, version = installed("cascadeflow", "cascadeflow==1.2.0", "cascadeflow-gateway")
    port = free_port()
    models = [{"name": "small", "cost": 0.0001}, {"name": "large", "cost": 0.01}]
    at = {"provider": "vllm", "base_url": f"{stub}/v1"}
    file = folder / "cascadeflow.json"
    file.write_text(json.dumps({"models": [{**model, **at} for model in models]}))
    argv = (command, "--mode", "agent", "--config", file, *HERE, str(port))
    url = f"http://127.0.0.1:{port}"
    with started(argv, core, f"{url}/health", folder, {"VLLM_BASE_URL": f"{stub}/v1"}) as pid:
        yield Gateway(url, version, pid)


def installed(name: str, requirement: str, command: str) -> tuple[Path, str]:
    """The command and the version; installed on first use. `Unavailable` where that fails."""
    programs = python(cache_dir() / "gateway-peers" / name, requirement)
    return programs / command, requirement.rpartition("=")[2]
