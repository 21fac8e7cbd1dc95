"""Cosines over what a caller may see, from matrices that follow the index."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpu_cascade.policy_qa.find import vectors as finding
from gpu_cascade.policy_qa.find.vectors import Vectors
from gpu_cascade.policy_qa.index.reader import Reader

from ..index.made import groups, refresh, write
from .made import Angles, towards

FILES = {"a.md": "10", "b.md": "30", "hr/.groups.yaml": "groups: [hr]", "hr/c.md": "25", "far.md": "200"}


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "d", FILES)


@pytest.fixture
def reader(folder, tmp_path):
    refresh(folder, tmp_path / "i", embedder=Angles())
    with Reader(tmp_path / "i") as opened:
        yield opened


def found(reader, vectors, degrees, *names, limit=10):
    hits = vectors.search(towards(degrees), groups(*names), limit)
    return [stored.text for stored in reader.passages([hit.passage for hit in hits], groups(*names))]


def test_the_closest_first(reader):
    """By angle, only what may be seen, no more than asked for, nothing that points away."""
    vectors = Vectors(reader, "angles")

    assert ["30", "10"] == found(reader, vectors, 26)
    assert ["25", "30", "10"] == found(reader, vectors, 26, "hr")
    assert ["25"] == found(reader, vectors, 26, "hr", limit=1)
    cosine = vectors.search(towards(26), groups(), 1)[0].score
    assert math.isclose(math.cos(math.radians(4)), cosine, abs_tol=1e-3)


def test_no_vectors(reader):
    """None of another model's, and none where nothing may be seen by it."""
    assert Vectors(reader, "other").search(towards(0), groups(), 5) is None


def test_it_follows_the_index(folder, reader, tmp_path):
    """What is new is found, what is now hidden is not."""
    vectors = Vectors(reader, "angles")
    assert ["10", "30"] == found(reader, vectors, 12)
    write(folder, {"new.md": "12", ".groups.yaml": "groups: [it]"})
    refresh(folder, tmp_path / "i", embedder=Angles())

    assert vectors.search(towards(12), groups(), 5) is None
    assert ["12", "10", "30"] == found(reader, vectors, 12, "it")


def test_matrices_are_kept_and_bounded(reader, monkeypatch):
    """Whoever sees the same documents shares one; what was used longest ago goes first."""
    read = []
    monkeypatch.setattr(
        reader, "vectors", lambda model, names: read.append(names) or Reader.vectors(reader, model, names)
    )
    monkeypatch.setattr(finding, "MOST_BYTES", 8 * (3 + 4))  # both matrices, and no more
    vectors = Vectors(reader, "angles")
    for names in ((), ("hr",), ("it",), ("hr", "it"), ()):
        found(reader, vectors, 0, *names)

    assert [groups(), groups("hr")] == read
    monkeypatch.setattr(finding, "MOST_BYTES", 8 * 4)
    for names in ((), ("hr",), ("hr",), ()):
        found(reader, vectors, 0, *names)
    assert [groups(), groups("hr"), groups("hr"), groups()] == read


GROUP = st.sampled_from(["", "hr", "it"])


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 359), GROUP), min_size=1, max_size=6), GROUP, st.integers(0, 359))
def test_cosines_do_not_tell_of_hidden_documents(tmp_path_factory, documents, group, degrees):
    """A caller's results and scores are exactly those of an index that never held the rest."""
    root = tmp_path_factory.mktemp("cosines")
    texts = {
        f"{n}.md": (f"---\ngroups: [{of}]\n---\n" if of else "") + str(angle)
        for n, (angle, of) in enumerate(documents)
    }
    may = {path: texts[path] for path, (_, of) in zip(texts, documents, strict=True) if of in {"", group}}
    refresh(write(root / "all", texts), root / "i", embedder=Angles())
    (root / "some").mkdir()
    refresh(write(root / "some", may), root / "j", embedder=Angles())

    def results(index):
        with Reader(index) as reader:
            hits = Vectors(reader, "angles").search(towards(degrees), groups(group) - {""}, 10) or []
            stored = reader.passages([hit.passage for hit in hits], groups(group) - {""})
        return [(passage.path, hit.score) for passage, hit in zip(stored, hits, strict=True)]

    assert results(root / "j") == results(root / "i")
