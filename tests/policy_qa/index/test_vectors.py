"""Vectors come from whoever is handed in, and stay with their passage."""

import pytest

from gpu_cascade.errors import ModelError
from gpu_cascade.policy_qa.index.reader import Reader
from gpu_cascade.policy_qa.index.vectors import BATCH, pack, unpack

from .made import groups, refresh, write


class Scripted:
    """An embedder that says how long a text is."""

    def __init__(self, name="length", fail_after=None):
        self.name = name
        self.read = []
        self.fail_after = fail_after

    def embed(self, texts):
        if self.fail_after is not None and len(self.read) >= self.fail_after:
            raise KeyboardInterrupt
        self.read += texts
        return [[float(len(text)), 0.5] for text in texts]


def test_half_floats():
    """What is stored comes back to three digits; what is no vector is refused."""
    assert (0.5, -0.25, 0.0999755859375) == unpack(pack([0.5, -0.25, 0.1]))
    for wrong in ([], [float("nan")], [1e6]):
        with pytest.raises(ModelError):
            pack(wrong)


def test_only_what_lacks_one_is_embedded(tmp_path):
    """Title, headings and text are read, once; a changed document's passages again."""
    folder, index = (
        write(tmp_path / "d", {"a.md": "# Leave\n\nText", "b.md": "# Pay\n\nText"}),
        tmp_path / "i",
    )
    embedder = Scripted()

    assert 2 == refresh(folder, index, embedder=embedder).embedded
    assert ["Leave\nLeave\nText", "Pay\nPay\nText"] == embedder.read
    write(folder, {"a.md": "# Leave\n\nMore"})
    assert 1 == refresh(folder, index, embedder=embedder).embedded
    assert 0 == refresh(folder, index).embedded


def test_progress(tmp_path):
    """It hears of each batch, of how many passages lack a vector."""
    told = []
    folder = write(tmp_path / "d", {f"{n:03}.md": "Text" for n in range(BATCH + 5)})
    refresh(folder, tmp_path / "i", embedder=Scripted(), progress=lambda *now: told.append(now))

    assert [(BATCH, BATCH + 5, "length"), (BATCH + 5, BATCH + 5, "length")] == told[-2:]


def test_a_new_model_replaces_the_old(tmp_path):
    """Vectors of two models are never mixed, and a caller gets those of what may be seen."""
    folder, index = (
        write(tmp_path / "d", {"a.md": "Text", "h/b.md": "Longer", "h/.groups.yaml": "groups: [h]"}),
        tmp_path / "i",
    )
    refresh(folder, index, embedder=Scripted("old"))
    refresh(folder, index, embedder=Scripted("new"))

    with Reader(index) as reader:
        assert [] == reader.vectors("old", groups("h"))
        assert 2 == len(reader.vectors("new", groups("h")))
        assert [6.0] == [unpack(vector)[0] for _, vector in reader.vectors("new", groups())]


def test_broken_off_and_gone_on(tmp_path):
    """What was embedded before the break is not embedded again."""
    folder, index = write(tmp_path / "d", {f"{n:03}.md": "Text" for n in range(BATCH + 5)}), tmp_path / "i"
    with pytest.raises(KeyboardInterrupt):
        refresh(folder, index, embedder=Scripted(fail_after=BATCH))

    assert 5 == refresh(folder, index, embedder=Scripted()).embedded


def test_too_few_vectors(tmp_path):
    """An embedder that loses texts is an error, not a shift of vectors to other passages."""
    embedder = Scripted()
    embedder.embed = lambda _: [[1.0]]
    folder = write(tmp_path / "d", {"a.md": "Text", "b.md": "Text"})

    with pytest.raises(ModelError, match="1 vectors of 2 texts"):
        refresh(folder, tmp_path / "i", embedder=embedder)
