"""A reader gives what its caller may see, and is not changed by the rest."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpu_cascade.policy_qa.index.reader import Listed, Reader

from .made import found, groups, refresh, write

FILES = {
    "a.md": "---\neffective: 2024-03-01\nversion: 1.10\n---\n"
    "# Leave\n\nAnnual leave is 13 days. Ask early.\n\n## Sick\n\nSick leave.",
    "hr/.groups.yaml": "groups: [hr, boss]",
    "hr/b.md": "# Salaries\n\nThe canary sings about annual leave. Leave, leave, leave.",
    "it.md": "---\ngroups: [it]\n---\n# Servers\n\nAnnual patching.",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    root = tmp_path_factory.mktemp("reader")
    refresh(write(root / "d", FILES), root / "i")
    return root / "i"


@pytest.fixture
def reader(index):
    with Reader(index) as opened:
        yield opened


def test_documents(reader):
    """A list of what may be seen, by path, with day and version."""
    assert [Listed("a.md", "Leave", date(2024, 3, 1), "1.10")] == reader.documents(groups())
    assert ["a.md", "hr/b.md"] == [listed.path for listed in reader.documents(groups("hr"))]
    assert ["a.md", "hr/b.md", "it.md"] == [listed.path for listed in reader.documents(groups("it", "boss"))]
    assert {1, 2, 3} == reader.visible(groups("it", "boss"))


def test_a_document_for_reading(reader):
    """Its passages in order, with headings and the places of their sentences."""
    first, second = reader.document("a.md", groups())

    assert (("Leave",), 0, None) == (first.headings, first.ordinal, first.page)
    assert ["Annual leave is 13 days.", "Ask early."] == [
        first.text[start:end] for start, end in first.sentences
    ]
    assert (("Leave", "Sick"), 1) == (second.headings, second.ordinal)


def test_what_is_hidden_does_not_exist(reader):
    """Without its group a document is as one that is not there, by path, by passage and by words."""
    [secret] = reader.document("hr/b.md", groups("hr"))

    assert [] == reader.document("hr/b.md", groups("it")) == reader.document("nowhere.md", groups("it"))
    assert [] == reader.passages([secret.id], groups("it"))
    assert [] == reader.search_text("canary", groups("it"), 10)
    assert ["hr/b.md"] == found(reader, "canary", "hr")


def test_passages_in_the_order_asked(reader):
    """Unknown ones are left out."""
    first, second = reader.document("a.md", groups())

    assert [second, first] == reader.passages([second.id, 10**6, first.id], groups())


def test_search_order(reader):
    """What fits best comes first, and no more than asked for."""
    assert ["hr/b.md", "a.md", "a.md"] == found(reader, "leave canary", "hr")
    assert ["a.md"] == found(reader, "days of annual leave", limit=1)


NASTY = [
    '"',
    "AND OR NOT leave",
    "NEAR(a b",
    "leave*",
    "text : leave",
    "'; DROP TABLE documents; --",
    "\0",
    "\ud800",
    "",
    "💥",
    "%_",
]


@pytest.mark.parametrize("query", NASTY)
def test_a_query_has_no_syntax(reader, query):
    """Any text is words to look for, or none."""
    assert ["a.md"] * (2 * ("leave" in query)) == found(reader, query)


def test_a_book_is_a_query(reader):
    """Ten thousand words are asked for by the first different ones."""
    assert ["a.md", "a.md"] == found(reader, "leave " + " ".join(f"word{n} x{n}y" for n in range(5000)))


def test_a_change_is_seen(tmp_path):
    """An open reader follows the index: new text, and new rules, with the next question."""
    folder, index = write(tmp_path / "d", {"a.md": "Annual leave."}), tmp_path / "i"
    refresh(folder, index)
    with Reader(index) as reader:
        assert ["a.md"] == found(reader, "annual")
        before = reader.version()
        write(folder, {"b.md": "Annual report, annual."})
        refresh(folder, index)
        assert ["b.md", "a.md"] == found(reader, "annual")
        write(folder, {".groups.yaml": "groups: [hr]"})
        refresh(folder, index)
        assert [] == found(reader, "annual")
        assert before != reader.version()


WORDS = st.lists(st.sampled_from(["leave", "pay", "days", "sick", "card"]), min_size=1, max_size=8).map(
    " ".join
)
GROUP = st.sampled_from(["", "hr", "it"])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(WORDS, GROUP), min_size=1, max_size=6), GROUP, WORDS)
def test_scores_do_not_tell_of_hidden_documents(tmp_path_factory, documents, group, query):
    """A caller's results and scores are exactly those of an index that never held the rest."""
    root = tmp_path_factory.mktemp("scores")
    texts = {
        f"{n}.md": (f"---\ngroups: [{of}]\n---\n" if of else "") + text
        for n, (text, of) in enumerate(documents)
    }
    may = {path: texts[path] for path, (_, of) in zip(texts, documents, strict=True) if of in {"", group}}
    refresh(write(root / "all", texts), root / "i")
    (root / "some").mkdir()
    refresh(write(root / "some", may), root / "j")

    def results(index):
        with Reader(index) as reader:
            hits = reader.search_text(query, groups(group) - {""}, 10)
            stored = reader.passages([hit.passage for hit in hits], groups(group) - {""})
        return [(passage.path, passage.text, hit.score) for passage, hit in zip(stored, hits, strict=True)]

    assert results(root / "j") == results(root / "i")
