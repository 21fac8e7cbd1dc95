"""The index follows its folder, document by document."""

import pytest

from gpu_cascade.policy_qa.documents.split import Cut
from gpu_cascade.policy_qa.index.reader import Reader

from .made import CUT, found, groups, here, refresh, write

FILES = {
    "a.md": "# Leave\n\nAnnual leave.",
    "hr/b.md": "# Pay\n\nYour pay.",
    "hr/c.md": "---\ngroups: [hr]\n---\nBonus.",
}


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "policies", FILES)


@pytest.fixture
def index(tmp_path):
    return tmp_path / "index.sqlite"


def paths(index, *names):
    with Reader(index) as reader:
        return [listed.path for listed in reader.documents(groups(*names))]


def test_only_what_changed_is_read(folder, index):
    """A second update reads nothing; a changed, a new and a deleted file are each seen."""
    assert tuple(sorted(FILES)) == refresh(folder, index).indexed
    again = refresh(folder, index)
    assert ((), 3) == (again.indexed, again.unchanged)

    write(folder, {"a.md": "# Leave\n\nNew rules.", "new.md": "Text"})
    (folder / "hr/b.md").unlink()
    report = refresh(folder, index)

    assert (("a.md", "new.md"), 1, ("hr/b.md",), 3) == (
        report.indexed,
        report.unchanged,
        report.removed,
        report.passages,
    )
    with Reader(index) as reader:
        assert ["a.md"] == found(reader, "rules")
        assert [] == found(reader, "annual")


def test_nothing_to_do_changes_nothing(folder, index):
    """Readers keep what they hold in memory while updates find everything as it was."""
    write(folder, {"broken.md": "", "hr/.groups.yaml": "groups: [pay]"})
    refresh(folder, index)
    with Reader(index) as reader:
        before = reader.version()
        refresh(folder, index)

        assert before == reader.version()


@pytest.mark.parametrize("cut", [Cut(41, "words", CUT.count), Cut(40, "letters", len)])
def test_another_cut_reads_all_again(folder, index, cut):
    """Another budget or tokenizer cuts other passages."""
    refresh(folder, index)

    assert 3 == len(refresh(folder, index, cut=cut).indexed)


def test_another_parser_reads_all_again(folder, index, monkeypatch):
    """A new version of the readers reads what the old one read."""
    refresh(folder, index)
    monkeypatch.setattr("gpu_cascade.policy_qa.index.update.PARSER", 99)

    assert 3 == len(refresh(folder, index).indexed)


def test_broken_off_and_gone_on(folder, index):
    """What was stored before the break stays, whole; the next update reads the rest."""

    def stop(path, data):
        if path == "hr/b.md":
            raise KeyboardInterrupt
        return here(path, data)

    with pytest.raises(KeyboardInterrupt):
        refresh(folder, index, parse=stop)

    assert ["a.md"] == paths(index, "hr")
    report = refresh(folder, index)
    assert (("hr/b.md", "hr/c.md"), 1) == (report.indexed, report.unchanged)


def test_a_changed_rule_needs_no_changed_text(folder, index):
    """Who may see a document follows the folder's file, without reading the document again."""
    refresh(folder, index)
    assert ["a.md", "hr/b.md"] == paths(index)

    write(folder, {"hr/.groups.yaml": "groups: [pay]"})
    assert () == refresh(folder, index).indexed
    assert (["a.md"], ["a.md", "hr/b.md"], ["a.md", "hr/c.md"]) == (
        paths(index),
        paths(index, "pay"),
        paths(index, "hr"),
    )

    write(folder, {"hr/.groups.yaml": "groups: ["})
    report = refresh(folder, index)
    assert ["a.md"] == paths(index, "pay")
    assert ["hr/.groups.yaml"] == [skipped.path for skipped in report.skipped]

    (folder / "hr/.groups.yaml").unlink()
    refresh(folder, index)
    assert ["a.md", "hr/b.md"] == paths(index)


def test_a_restriction_comes_before_the_reading(folder, index):
    """While the first changed document is read, the new rule already holds for all that is stored."""
    refresh(folder, index)
    write(folder, {"hr/.groups.yaml": "groups: [pay]", "a.md": "New."})
    seen = []
    refresh(folder, index, parse=lambda path, data: (seen.append(paths(index)), here(path, data))[1])

    assert [["a.md"]] == seen


def test_a_document_that_broke_goes(folder, index):
    """A front matter that no longer can be read hides the document: the old text had the old rights."""
    refresh(folder, index)
    write(folder, {"a.md": "---\ngroups: 5\n---\nText"})
    report = refresh(folder, index)

    assert ["hr/b.md"] == paths(index)
    assert "`groups` is 5" in report.skipped[0].why
    assert "a.md" == report.skipped[0].path


def test_doubts_are_reported(folder, index):
    """Notes of a document and files without a reader are in the report."""
    write(folder, {"a.md": "---\neffective: soon\n---\nText", "x.xls": "x"})
    report = refresh(folder, index)

    assert ["a.md"] == [note.path for note in report.notes]
    assert {".xls": 1} == report.others


def test_progress(folder, index):
    """It is told what comes next, and the end."""
    told = []
    refresh(folder, index, progress=lambda *now: told.append(now))

    assert [(0, 3, "a.md"), (1, 3, "hr/b.md"), (2, 3, "hr/c.md"), (3, 3, "")] == told
