"""A real encoder, tiny and with random weights, in the process that embeds."""

import subprocess

import numpy as np
import pytest

from gpu_cascade.embedding.encoder import Encoder

from .made import child, folder

# Made by a process of its own: tests shall not hold torch.
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
SHORT, LONG = "is travel refundable ?", "who won ? " * 120

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    root = tmp_path_factory.mktemp("tiny")
    subprocess.run([*child(TINY), str(root)], check=True)
    return root


def vectors(root, keep, texts):
    with Encoder(root, keep) as encoder:
        return np.array(encoder.embed(texts))


def test_unit_vectors_whatever_stands_beside(tiny):
    """Padding to a longer neighbour changes nothing, and only the last 256 tokens are read."""
    found = vectors(tiny, "end", [SHORT, LONG, "is " + LONG, SHORT, "\ud800", ""])

    assert (6, 16) == found.shape
    assert pytest.approx(np.ones(6), abs=1e-6) == np.linalg.norm(found, axis=1)
    assert pytest.approx(found[0], abs=1e-5) == found[3]
    assert pytest.approx(found[1], abs=1e-5) == found[2]
    assert np.abs(found[0] - found[1]).max() > 0.01


def test_as_the_folder_says(tiny):
    """The first tokens are kept on demand, and the first state counts where the folder says `cls`."""
    texts = [LONG, LONG + "is", SHORT]
    mean = vectors(tiny, "start", texts)
    folder_says = {"1_Pooling__config_json": {"pooling_mode": "cls"}}
    config = (tiny / "config.json").read_text()
    folder(tiny, [("Transformer", ""), ("Pooling", "1_Pooling")], **folder_says)
    (tiny / "config.json").write_text(config)
    first = vectors(tiny, "start", texts)

    assert pytest.approx(mean[0], abs=1e-5) == mean[1]
    assert np.abs(mean[2] - first[2]).max() > 0.01
