"""The hub, by its own client: against a server on loopback that speaks its protocol."""

import hashlib
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub.constants
import pytest

from gpu_cascade.errors import ModelError
from gpu_cascade.models import Store, hub
from gpu_cascade.models.pull import Puller

from .carriers import Copying

COMMIT = "a" * 40
FILES = {
    "config.json": b'{"model_type": "tiny"}',
    "model.safetensors": b"weights" * 1000,
    "tokenizer.json": b"{}",
    "modeling_tiny.py": b"raise SystemExit('code from a hub')",
    "pytorch_model.bin": b"a pickle",
}


class Hub(BaseHTTPRequestHandler):
    """What the client asks for: the model, its tree, its files."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._serve(body=False)

    def do_GET(self):
        self._serve(body=True)

    def _serve(self, *, body):
        path = self.path.split("?")[0]
        if path.startswith("/api/models/someone/tiny/tree/"):
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": etag(data)}
                for name, data in FILES.items()
            ]
            self._answer(json.dumps(tree).encode(), body)
        elif path.startswith("/api/models/someone/tiny"):
            info = {"id": "someone/tiny", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]}
            self._answer(json.dumps(info).encode(), body)
        elif path.startswith(f"/someone/tiny/resolve/{COMMIT}/"):
            self._answer(FILES[path.rsplit("/", 1)[1]], body)
        elif path == "/":
            self._answer(b"hello", body)
        else:
            self._answer(b"{}", body, status=404, **{"X-Error-Code": "RepoNotFound"})

    def _answer(self, data, body, status=200, **headers):
        self.send_response(status)
        for name, value in {"ETag": f'"{etag(data)}"', "X-Repo-Commit": COMMIT, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


def etag(data):
    return hashlib.sha1(data).hexdigest()


@pytest.fixture
def address(monkeypatch, tmp_path):
    """A hub on loopback, and an empty cache for its client."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "endpoint", lambda: address)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


def test_hub_answers(address):
    """Somebody who speaks HTTP is a hub."""
    assert hub.answers(address)


def test_nobody_answers():
    """A closed port is a quick no: the two seconds are for the silent."""
    start = time.monotonic()

    assert not hub.answers("http://127.0.0.1:9")
    assert time.monotonic() - start < 1.5


def test_silence_is_no_answer():
    """A server that accepts and says nothing costs the time allowed and no more."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not hub.answers(f"http://127.0.0.1:{silent.getsockname()[1]}", within_s=0.1)


def test_offline_by_wish(address, monkeypatch):
    """HF_HUB_OFFLINE is respected: no hub is asked."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    assert not hub.answers(address)


def test_pull_from_the_hub(address, tmp_path):
    """Configuration, tokenizer and safetensors come; pickles and code do not. Then it needs no hub."""
    seen = []
    puller = Puller(Store(tmp_path / "models"), Copying(), seen.append, ())

    (folder,) = puller.pull(["someone/tiny"], "auto")

    names = sorted(path.name for path in folder.iterdir())
    assert ["config.json", "model.safetensors", "tokenizer.json"] == names
    assert FILES["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    assert folder == hub.cached("someone/tiny")
    assert any(step.done and step.unit == "bytes" for step in seen)


def test_model_that_is_not_there(address):
    """An id the hub does not know is one sentence."""
    with pytest.raises(ModelError, match="the hub has no model nobody/nothing"):
        hub.fetch("nobody/nothing", lambda done, total: None)


def test_model_without_safetensors(address, monkeypatch):
    """Weights in another format are refused by name."""
    monkeypatch.delitem(FILES, "model.safetensors")

    with pytest.raises(ModelError, match="someone/tiny has no safetensors weights"):
        hub.fetch("someone/tiny", lambda done, total: None)


def test_missing_shard_is_not_complete(tmp_path):
    """A folder whose index names a file that is not there is not a model."""
    (tmp_path / "config.json").write_text("{}")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "model-1.safetensors").touch()
    assert not hub.complete(tmp_path)

    (tmp_path / "model-2.safetensors").touch()

    assert hub.complete(tmp_path)
