"""The doctor's looks at the real machine."""

import sys
from importlib.machinery import ModuleSpec

import pytest

from gpu_cascade.config import from_pair
from gpu_cascade.doctor import Probes, examine, probes
from gpu_cascade.errors import ModelError


def test_the_real_machine_is_looked_at_without_a_failure_of_our_own():
    """Whatever this machine is, each probe answers, and torch is not imported for it."""
    before = "torch" in sys.modules
    findings = examine(None)

    assert {"python", "torch", "vllm", "memory", "sockets", "port"} <= {f.check for f in findings}
    assert ("torch" in sys.modules) is before


def test_an_installed_distribution_and_one_that_is_not():
    """Versions come from metadata."""
    assert probes.version("pydantic")
    assert probes.version("no-such-distribution-here") is None


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("cuda: Optional[str] = None\nhip: Optional[str] = None\n", "CPU"),
        ("cuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n", "CUDA 12.8"),
        ("cuda: Optional[str] = None\nhip: Optional[str] = '6.4'\n", "ROCm 6.4"),
    ],
)
def test_torch_says_what_it_was_built_for(tmp_path, monkeypatch, text, device):
    """The version file of torch names its device; torch itself stays unimported."""
    (tmp_path / "version.py").write_text(text)
    spec = ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: spec)

    assert probes.torch_device() == device


def test_torch_that_is_half_there(tmp_path, monkeypatch):
    """A broken installation is not a traceback."""
    spec = ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: spec)

    assert probes.torch_device() == "an unknown device"


def test_disk_is_measured_where_a_folder_will_be(tmp_path):
    """A folder that does not exist yet has the room of the one it will lie in."""
    assert probes.free_gib(tmp_path / "a" / "b") == pytest.approx(probes.free_gib(tmp_path), abs=1)
    assert not (tmp_path / "a").exists()


def test_a_folder_that_may_not_be_written(tmp_path, monkeypatch):
    """No right to write is an error with the folder that lacks it."""
    monkeypatch.setattr("os.access", lambda *_: False)

    with pytest.raises(PermissionError) as caught:
        probes.free_gib(tmp_path / "a")
    assert caught.value.filename == str(tmp_path)


def test_a_socket_leaves_nothing_behind(tmp_path):
    """The socket that is tried goes away again; a folder that is not there is an OSError."""
    probes.bind_unix(tmp_path / "s.sock")
    assert list(tmp_path.iterdir()) == []

    with pytest.raises(OSError, match="No such file"):
        probes.bind_unix(tmp_path / "none" / "s.sock")


def test_a_port_that_is_taken_and_one_that_is_free(answering):
    """A listener makes its port taken; a port that nobody holds can be had."""
    with pytest.raises(OSError, match="in use"):
        probes.bind_tcp("127.0.0.1", answering(200, b"{}"))
    probes.bind_tcp("127.0.0.1", 0)


def test_a_gateway_is_known_by_its_answer(answering):
    """Ready or still booting, /readyz names what is missing."""
    assert probes.is_gateway("127.0.0.1", answering(200, b'{"ready":true,"missing":[]}'))
    assert probes.is_gateway("127.0.0.1", answering(503, b'{"ready":false,"missing":["small: booting"]}'))
    assert not probes.is_gateway("127.0.0.1", answering(200, b"<html>missing</html>"))
    assert not probes.is_gateway("127.0.0.1", answering(404, b"{}"))
    assert not probes.is_gateway("127.0.0.1", 1)


def test_a_model_is_found_beside_the_file_or_not_at_all(tmp_path):
    """A path starts from the configuration's folder; what is nowhere is a sentence."""
    config = from_pair("./small", "org/large").model_copy(update={"base": tmp_path})
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "config.json").write_text("{}")
    (tmp_path / "small" / "model.safetensors").write_bytes(b"0")

    assert Probes().find_model(config, "./small") == tmp_path / "small"
    with pytest.raises(ModelError, match=str(tmp_path / "gone")):
        Probes().find_model(config, "./gone")
