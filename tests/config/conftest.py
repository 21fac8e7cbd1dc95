"""A place to write a models.yaml."""

from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path):
    """Put text in a models.yaml and give back its path."""

    def put(text: str | bytes) -> Path:
        path = tmp_path / "models.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return put
