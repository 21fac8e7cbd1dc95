"""The catalogue is data: it has to be consistent with itself."""

import re

import pytest

from gpu_cascade.models import CATALOGUE, DEMO_PAIR
from gpu_cascade.models.bars import amount, bars
from gpu_cascade.models.catalogue import packaged
from gpu_cascade.models.progress import Step


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_every_file_has_size_and_hash(model):
    """Nothing is taken out of a package that we do not know byte for byte."""
    hashes = [model.sha256, *(part.sha256 for part in model.parts)]

    assert all(re.fullmatch(r"[0-9a-f]{64}", sha256) for sha256 in hashes)
    assert len(model.parts) == len({part.package for part in model.parts})
    assert all(part.bytes > 0 and part.version for part in model.parts)


def test_sizes_are_those_of_the_gguf_files():
    """The parts add up to the files that the hashes are of."""
    assert [98_362_432, 491_400_064, 1_117_320_768] == [model.bytes for model in CATALOGUE]


def test_the_demo_pair_can_be_pulled():
    """Small first, large second, both in the catalogue."""
    assert CATALOGUE[:2] == tuple(packaged(name) for name in DEMO_PAIR)
    assert CATALOGUE[0].bytes < CATALOGUE[1].bytes


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Step("m", "download", 41_000_000, 98_400_000), "41 of 98 MB"),
        (Step("m", "convert", 7, 272, "tensors"), "7 of 272 tensors"),
        (Step("m", "convert", 0, 0, "tensors"), ""),
    ],
)
def test_progress_in_words(step, words):
    """How much is done, in the unit of the step."""
    assert words == amount(step)


def test_bars_name_model_and_step(capsys):
    """One line for each step of each model."""
    with bars() as progress:
        progress(Step("tiny", "download", 5_000_000, 10_000_000))
        progress(Step("tiny", "convert", 2, 2, "tensors"))

    out = capsys.readouterr().out
    assert "tiny: download" in out
    assert "5 of 10 MB" in out
    assert "tiny: convert" in out
