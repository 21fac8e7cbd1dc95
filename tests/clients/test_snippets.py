"""What docs/clients.md tells people to type."""

import json
import re
import sys
from pathlib import Path

import pytest

from .served import SAID, scripted

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "long"))
from clients import LONG, PAGE, PINS, client, snippet  # noqa: E402 - the folder is no package

SHORT = ("curl", "openai", "langchain", "litellm", "llamaindex", "instructor", "ai-sdk")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A gateway over scripted engines."""
    serve = scripted(tmp_path_factory.mktemp("snippets"))
    yield serve
    serve.stop()


@pytest.mark.scripted
@pytest.mark.timeout(900)  # the first run installs
@pytest.mark.parametrize("name", SHORT)
def test_what_the_page_says_works(served, name):
    """The snippet runs as it stands, and prints the answer and who gave it."""
    ended = client(name).run(*snippet(name, served.url), timeout_s=600)

    assert 0 == ended.returncode, ended.stderr
    assert ("Ann" if name == "instructor" else SAID[0]) in ended.stdout
    assert "small" in ended.stdout


def test_every_client_has_a_heading():
    """The page has a snippet for each that is tried, and no other heading but two."""
    headings = re.findall(r"^## (.*)$", PAGE.read_text(), re.MULTILINE)

    assert ["Versions", *SHORT, *LONG] == headings
    assert all(snippet(name, "http://x")[1] for name in (*SHORT, *LONG))


def test_the_versions_in_the_page_are_those_that_are_tried():
    """Each package of the table is pinned at that version in one of the requirements."""
    table = re.findall(r"^\| \S+ \| ([\w./@-]+) ([\w.]+) \|", PAGE.read_text(), re.MULTILINE)
    node = json.loads((PINS / "ai-sdk" / "package.json").read_text())["dependencies"]
    files = [*PINS.glob("*.txt"), *(ROOT / "requirements" / f"{name}.txt" for name in ("cpu", "dev"))]
    pinned = set(re.findall(r"^(\S+)==(\S+)", "\n".join(file.read_text() for file in files), re.MULTILINE))

    assert len(SHORT) + len(LONG) - 1 == len(table)  # curl is the system's
    assert set(table) <= pinned | set(node.items())
