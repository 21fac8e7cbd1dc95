"""Folders say who may see what is in them, and hide it in doubt."""

import pytest

from gpu_cascade.policy_qa.documents.access import NOBODY, PUBLIC
from gpu_cascade.policy_qa.index.folders import Folders

from .made import groups, write


def folders(root, **rules):
    """The rules of a folder, each by the path of its file."""
    write(root, rules)
    return Folders(root, list(rules))


def test_the_nearest_rule_upwards(tmp_path):
    """A subfolder's rule replaces that of the folder above; without any everybody may see it."""
    rules = folders(
        tmp_path,
        **{
            "hr/.groups.yaml": "groups: [hr]",
            "hr/pay/.groups.yaml": "groups: [pay]",
            "hr/all/.groups.yaml": "public: true",
        },
    )

    assert PUBLIC == rules.groups("a.md", None)
    assert groups("hr") == rules.groups("hr/a.md", None)
    assert groups("hr") == rules.groups("hr/new/a.md", None)
    assert groups("pay") == rules.groups("hr/pay/2024/a.md", None)
    assert PUBLIC == rules.groups("hr/all/a.md", None)
    assert [] == rules.broken


def test_a_documents_own_word_wins(tmp_path):
    """What its front matter says counts more than its folder, in both directions."""
    rules = folders(tmp_path, **{".groups.yaml": "groups: [hr]"})

    assert PUBLIC == rules.groups("a.md", PUBLIC)
    assert groups("it") == rules.groups("a.md", groups("it"))
    assert {"a.md": groups("hr"), "b.md": PUBLIC} == rules.seen_by({"a.md": None, "b.md": PUBLIC})


@pytest.mark.parametrize(
    "text",
    [
        "groups: 5",
        "groups: []",
        "",
        "group: [hr]",
        "groups: [hr]\nowner: x",
        "groups: [hr",
        "public: no",
        "\0",
    ],
)
def test_a_broken_rule_hides(tmp_path, text):
    """What cannot be understood hides the folder below the last clear word too, and says so."""
    rules = folders(tmp_path, **{".groups.yaml": "public: true", "hr/.groups.yaml": text})

    assert NOBODY == rules.groups("hr/deep/a.md", None)
    assert PUBLIC == rules.groups("a.md", None)
    assert ["hr/.groups.yaml"] == [broken.path for broken in rules.broken]
    assert rules.broken[0].why.endswith("nobody may see the documents of its folder")


def test_a_misspelt_name_hides(tmp_path):
    """A file that was meant for a rule is not passed over, alone or beside the right one."""
    alone = folders(tmp_path, **{"a/.groups.yml": "groups: [hr]"})
    beside = folders(tmp_path, **{"b/.Groups.yaml": "groups: [hr]", "b/.groups.yaml": "public: true"})

    assert (NOBODY, NOBODY) == (alone.groups("a/x.md", None), beside.groups("b/x.md", None))
    assert "rename it" in alone.broken[0].why


def test_a_rule_that_is_a_link_hides(tmp_path):
    """A rule is read as carefully as a document."""
    write(tmp_path, {"rule": "public: true"})
    (tmp_path / ".groups.yaml").symlink_to(tmp_path / "rule")

    assert NOBODY == Folders(tmp_path, [".groups.yaml"]).groups("a.md", None)
