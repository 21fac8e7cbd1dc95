"""Keys as commands show them."""

import io

from rich.console import Console

from gpu_cascade.governance import Role, Wanted, create, revoke, rows
from gpu_cascade.governance.show import as_json, table


def test_as_json(tmp_path):
    """One word for each column; null cascades are all of them."""
    create(tmp_path, Wanted("ann", frozenset({"it", "hr"}), "hr", Role.OPERATOR, frozenset({"policy-qa"})))
    create(tmp_path, Wanted("bob"))
    revoke(tmp_path, "bob")

    ann, bob = [as_json(key) for key in rows(tmp_path)]

    assert (1, "ann", "operator", "hr", ["hr", "it"], ["policy-qa"]) == tuple(ann.values())[:6]
    assert (None, None) == (ann["revoked"], bob["cascades"])
    assert bob["revoked"] is not None


def test_as_a_table(tmp_path):
    """A row for each, days in one piece on a narrow terminal; what is not there is left empty."""
    create(tmp_path, Wanted("ann", frozenset({"it", "hr"})))
    console = Console(width=80, file=io.StringIO())

    console.print(table(rows(tmp_path)))

    text = console.file.getvalue()
    assert "hr, it" in text
    assert " all " in text
    assert f" {rows(tmp_path)[0].created[:10]} " in text
    assert "None" not in text
