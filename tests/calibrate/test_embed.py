"""Embeddings come from a process of their own, or a sentence says why not."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gpu_cascade.calibrate import embed as embedding
from gpu_cascade.calibrate.embed import embed
from gpu_cascade.errors import ModelError

LENGTHS = """
import io, json, sys, numpy
file = io.BytesIO()
lengths = [[len(text), len(sys.argv[1])] for text in json.load(sys.stdin)]
numpy.save(file, numpy.array(lengths, numpy.float32))
sys.stdout.buffer.write(file.getvalue())
"""
# A tiny encoder with random weights, made by a process of its own: tests shall not hold torch.
TINY = """
import sys, torch
from pathlib import Path
from transformers import BertConfig, BertModel, BertTokenizerFast
torch.manual_seed(0)
words = "[PAD] [UNK] [CLS] [SEP] [MASK] is travel refundable who won ?".split()
Path(sys.argv[1], "vocab.txt").write_text("\\n".join(words))
BertTokenizerFast(vocab=str(Path(sys.argv[1], "vocab.txt"))).save_pretrained(sys.argv[1])
sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
BertModel(BertConfig(vocab_size=len(words), **sizes)).save_pretrained(sys.argv[1])
"""


def child(program):
    return (sys.executable, "-c", program)


def test_texts_go_in_and_vectors_come_out():
    """One for each text, in order, whatever is in it."""
    found = embed(["a", "ö\n\0\ud800", ""], Path("here"), child(LENGTHS))

    assert [[1, 4], [4, 4], [0, 4]] == found.tolist()
    assert np.float64 == found.dtype


def test_a_child_that_fails_is_a_sentence_without_prompts():
    """The kind of the error is told, its message is not: that may quote what was asked."""
    with pytest.raises(ModelError, match=r"2 prompts could not .* \(exit code 1, ValueError\)") as caught:
        embed(["my secret", "b"], Path("here"), child("raise ValueError('my secret')"))

    assert "secret" not in caught.value.message


def test_a_package_that_is_not_installed_is_none(monkeypatch):
    """Nobody has to have it."""
    monkeypatch.setattr(embedding, "PACKAGE", "no_such_package_anywhere")

    assert embedding.packaged() is None


def test_a_packages_model_is_found_without_importing_it(monkeypatch, tmp_path):
    """Its code is not run."""
    package = tmp_path / embedding.PACKAGE
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)

    assert package / "model" == embedding.packaged()


@pytest.mark.engine
@pytest.mark.timeout(600)
def test_a_real_encoder_gives_unit_vectors_whatever_stands_beside(tmp_path):
    """Padding to a longer neighbour changes nothing, and only the last 256 tokens are read."""
    subprocess.run([*child(TINY), str(tmp_path)], check=True)
    short, long = "is travel refundable ?", "who won ? " * 120

    found = embed([short, long, "is " + long, short, "\ud800"], tmp_path)

    assert (5, 16) == found.shape
    assert pytest.approx(np.ones(5), abs=1e-6) == np.linalg.norm(found, axis=1)
    assert pytest.approx(found[0], abs=1e-5) == found[3]
    assert pytest.approx(found[1], abs=1e-5) == found[2]
    assert np.abs(found[0] - found[1]).max() > 0.01
