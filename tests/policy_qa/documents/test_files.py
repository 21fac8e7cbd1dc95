"""Only regular files of the folder are read, each whole."""

import os

import pytest

from gpu_cascade.errors import ConfigError
from gpu_cascade.policy_qa.documents.document import Unreadable
from gpu_cascade.policy_qa.documents.files import listing, load


@pytest.fixture
def folder(tmp_path):
    """A folder with everything that can be met in one."""
    root = tmp_path / "policies"
    (root / "hr").mkdir(parents=True)
    (root / ".git").mkdir()
    for path in (
        "b.md",
        "hr/a.PDF",
        "hr/.groups.yaml",
        ".groups.YML",
        ".git/x.md",
        ".x.md",
        "old.doc",
        "Makefile",
    ):
        (root / path).write_text("text")
    (tmp_path / "outside.md").write_text("secret")
    (root / "link.md").symlink_to(tmp_path / "outside.md")
    (root / "inner").symlink_to(root / "hr")
    os.mkfifo(root / "pipe.md")
    (root / os.fsdecode(b"caf\xe9.md")).write_text("text")
    return root


def test_what_a_folder_holds(folder):
    """Files to read, files of access, and each thing that is neither with its reason."""
    found = listing(folder)

    assert ["b.md", "hr/a.PDF"] == found.files
    assert [".groups.YML", "hr/.groups.yaml"] == found.access
    assert {".doc": 1, "no ending": 1} == found.others
    assert {
        "caf?.md": "not UTF-8",
        "inner": "is a link",
        "link.md": "is a link",
        "pipe.md": "no regular file",
    }.keys() == {skipped.path for skipped in found.skipped}


def test_a_folder_that_is_none(tmp_path):
    """A missing folder is an error, not an empty one: the index would be emptied."""
    with pytest.raises(ConfigError, match="cannot be listed"):
        listing(tmp_path / "gone")


def test_a_folder_that_cannot_be_listed(folder, monkeypatch):
    """One folder without rights is reported, and the rest goes on."""
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("hr"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = listing(folder)

    assert ["b.md"] == found.files
    assert ["it cannot be listed: Permission denied; give this user the right"] == [
        skipped.why for skipped in found.skipped if skipped.path == "hr"
    ]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("link.md", "cannot be read"),
        ("inner/a.PDF", None),
        ("pipe.md", "no regular file"),
        ("hr", "Is a directory"),
        ("gone.md", "No such file"),
        ("../outside.md", "lies outside"),
    ],
)
def test_what_is_not_read(folder, path, why):
    """Links, pipes, folders, and what lies outside: even where they came after the listing."""
    if why is None:
        assert b"text" == load(folder, path, 100)
        return
    with pytest.raises(Unreadable, match=why):
        load(folder, path, 100)


def test_a_folder_that_became_a_link(folder):
    """A folder on the way that leads out of the root is noticed at the open file."""
    (folder / "away").symlink_to(folder.parent)

    with pytest.raises(Unreadable, match="lies outside"):
        load(folder, "away/outside.md", 100)


def test_a_file_that_is_too_large(folder):
    """The sentence has both numbers."""
    with pytest.raises(Unreadable, match="it has 4 bytes, 3 may be"):
        load(folder, "b.md", 3)


def test_a_file_that_grows_while_it_is_read(folder, monkeypatch):
    """It is tried again; what never rests is skipped rather than read in halves."""
    seen = []
    fstat = os.fstat

    def grow(descriptor):
        with (folder / "b.md").open("a") as file:
            file.write("x" * (len(seen) < limit))
        seen.append(descriptor)
        return fstat(descriptor)

    monkeypatch.setattr(os, "fstat", grow)
    limit = 3
    assert b"textxxx" == load(folder, "b.md", 100)

    limit = 1000
    with pytest.raises(Unreadable, match="changed while it was read, 3 times"):
        load(folder, "b.md", 100)
