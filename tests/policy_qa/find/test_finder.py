"""A question finds by words and by meaning what its asker may read, and says where it could only do one."""

import asyncio
import threading

import pytest

from gpu_cascade.embedding.together import Together
from gpu_cascade.errors import Busy, ConfigError, ModelError
from gpu_cascade.policy_qa.find import finder as finding
from gpu_cascade.policy_qa.find.finder import Finder
from gpu_cascade.policy_qa.index.reader import Reader

from ..index.made import groups, refresh, write
from .made import Angles

FILES = {
    "leave.md": "# Leave\n\nAnnual leave is 90\n\n## Sick\n\nSick leave is 80",
    "pay.md": "# Pay\n\nSalaries come at 10",
    "hr/.groups.yaml": "groups: [hr]",
    "hr/canary.md": "# Canary\n\nThe canary takes annual leave at 91",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    root = tmp_path_factory.mktemp("finder")
    refresh(write(root / "d", FILES), root / "i", embedder=Angles())
    return root / "i"


def count(text):
    return len(text.split())


async def find(index, question, *names, embedder=None, budget=1000):
    """What is found in an index, by a finder that is opened and closed."""
    together = Together(embedder) if embedder else None
    with Reader(index) as reader:
        async with Finder(reader, together, count) as finder:
            return await finder.find(question, groups(*names), budget)


def shown(found):
    return [[passage.text for passage in excerpt.passages] for excerpt in found.excerpts]


async def test_words_and_meaning_are_fused(index):
    """First in both beats first in one; the best document is read first, neighbours as one."""
    found = await find(index, "Who takes annual leave? 12", embedder=Angles())

    assert [["Annual leave is 90", "Sick leave is 80"], ["Salaries come at 10"]] == shown(found)
    assert ["Annual leave is 90", "Sick leave is 80", "Salaries come at 10"] == [
        passage.text for passage in found.passages
    ]
    assert found.note is None


async def test_meaning_finds_what_no_word_does(index):
    """A question without a word of the passage, close by its vector."""
    found = await find(index, "remuneration 11", embedder=Angles())

    assert ["Salaries come at 10"] == shown(found)[0]
    assert () == (await find(index, "remuneration 11")).excerpts


async def test_only_what_may_be_seen(index):
    """The canary sings for its group alone, however it is asked for."""
    for question in ("canary 91", "What does the canary do? 91"):
        hidden = await find(index, question, "it", embedder=Angles())
        seen = await find(index, question, "hr", embedder=Angles())

        assert not any("canary" in passage.text for passage in hidden.passages)
        assert "canary" in seen.passages[0].text


async def test_the_budget_is_kept(index):
    """Whole passages, the best first: title, heading and text are seven words here."""
    found = await find(index, "annual leave", budget=7)

    assert [["Annual leave is 90"]] == shown(found)
    assert () == (await find(index, "annual leave", budget=5)).excerpts


@pytest.mark.parametrize(
    ("embedder", "why"),
    [
        (None, "no embedding model is installed"),
        (Angles(ModelError("the process that embeds ended: SIGKILL")), "embeds ended: SIGKILL"),
        (Angles(Busy("256 texts wait")), "256 texts wait"),
    ],
)
async def test_without_a_vector(index, embedder, why):
    """Words alone find, and the note says why."""
    found = await find(index, "annual leave 0", embedder=embedder)

    assert "Annual leave is 90" == found.passages[0].text
    assert found.note.startswith("found by words alone: ")
    assert why in found.note


async def test_an_index_without_vectors(tmp_path):
    """An index of another model, or of none, is said."""
    refresh(write(tmp_path / "d", FILES), tmp_path / "i")
    found = await find(tmp_path / "i", "annual leave 0", embedder=Angles())

    assert "Annual leave is 90" == found.passages[0].text
    assert (
        "found by words alone: what may be seen has no vectors by angles; index again with it" == found.note
    )


async def test_a_slow_embedding_is_not_waited_for(index, monkeypatch):
    """After two seconds (here: none) the words alone have to do."""
    monkeypatch.setattr(finding, "PATIENCE_S", 0.0)
    found = await find(index, "annual leave 0", embedder=Angles())

    assert "Annual leave is 90" == found.passages[0].text
    assert "not embedded in 0 s" in found.note


async def test_the_event_loop_goes_on(index, monkeypatch):
    """While the index is read, others are served; questions take turns."""
    reading, go_on, inside = threading.Event(), threading.Event(), []
    search = Reader.search_text

    def slow(reader, *asked):
        inside.append(threading.current_thread())
        reading.set()
        go_on.wait()
        return search(reader, *asked)

    monkeypatch.setattr(Reader, "search_text", slow)
    with Reader(index) as reader:
        async with Finder(reader, None, count) as finder:
            tasks = [asyncio.create_task(finder.find("leave", groups(), 100)) for _ in range(2)]
            await asyncio.to_thread(reading.wait)
            assert 1 == len(inside)
            go_on.set()
            await asyncio.gather(*tasks)

    assert 2 == len(inside)
    assert {threading.current_thread()}.isdisjoint(inside)
    assert not any(thread.is_alive() for thread in inside)


async def test_an_index_that_broke(index):
    """The reader's sentence comes through."""
    with Reader(index) as reader:
        async with Finder(reader, None, count) as finder:
            reader.connection.close()
            with pytest.raises(ConfigError, match="cannot be used"):
                await finder.find("leave", groups(), 100)
