"""What the headers of safetensors files say."""

import json
import struct

import pytest

from gpu_cascade.errors import ModelError
from gpu_cascade.vram.footprint.tensors import Tensor, indexed_bytes, stored

from .files import write_tensors

ONE = {"a": ("BF16", (2, 3))}


def index(folder, weights, **metadata):
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": metadata, "weight_map": weights})
    )


def test_tensors_of_one_file(tmp_path):
    """Name, shape, type and bytes as stored; the notes in the header are none."""
    write_tensors(tmp_path / "model.safetensors", ONE | {"b": ("I32", (5,))})

    assert [Tensor("a", (2, 3), "BF16", 12), Tensor("b", (5,), "I32", 20)] == stored(tmp_path)


def test_only_the_files_of_the_index_count(tmp_path):
    """Some folders hold the same weights a second time, in one file."""
    for name in ("model-1.safetensors", "model-2.safetensors", "consolidated.safetensors"):
        write_tensors(tmp_path / name, {name: ("F32", (1,))})
    index(tmp_path, {"x": "model-1.safetensors", "y": "model-2.safetensors", "z": "model-1.safetensors"})

    assert ["model-1.safetensors", "model-2.safetensors"] == [one.name for one in stored(tmp_path)]


def test_weights_that_are_not_here(tmp_path):
    """No file, or one of several missing."""
    assert stored(tmp_path) is None
    write_tensors(tmp_path / "model-1.safetensors", ONE)
    index(tmp_path, {"x": "model-1.safetensors", "y": "model-2.safetensors"})
    assert stored(tmp_path) is None


@pytest.mark.parametrize(
    ("metadata", "total"), [({"total_size": 12345}, 12345), ({}, None), ({"total_size": 0}, None)]
)
def test_what_the_index_says(tmp_path, metadata, total):
    """Its total, None where it has none."""
    index(tmp_path, {}, **metadata)

    assert total == indexed_bytes(tmp_path)


def test_without_an_index(tmp_path):
    """There is no total."""
    assert indexed_bytes(tmp_path) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x01",
        struct.pack("<Q", 10**12) + b"{}",
        struct.pack("<Q", 50) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 10) + b'{"a": {}}  ',
    ],
)
def test_a_broken_file_is_named(tmp_path, data):
    """Empty, cut, absurd, or something else: never a traceback."""
    (tmp_path / "model.safetensors").write_bytes(data)

    with pytest.raises(
        ModelError, match=r"model\.safetensors is no complete safetensors file.*fetch the model"
    ):
        stored(tmp_path)


def test_a_broken_index_is_named(tmp_path):
    """So is an index that is no JSON."""
    (tmp_path / "model.safetensors.index.json").write_text("{")

    with pytest.raises(ModelError, match=r"index\.json cannot be read"):
        stored(tmp_path)
