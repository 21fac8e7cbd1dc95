"""Every tier is asked every question once, whatever is killed in between."""

import asyncio

import pytest

from gpu_cascade.calibrate.collect import Collecting, Collector
from gpu_cascade.calibrate.journal import Journal, write_rows
from gpu_cascade.calibrate.rows import Row, read
from gpu_cascade.cascade.verify import QUESTION
from gpu_cascade.engines.fake import Fake, Fault, Line
from gpu_cascade.errors import BadRows, EngineError, EngineLost

SMALL = (Line(match="odd", text="no", logprob=-2.0), Line(text="yes", logprob=-0.1))


def questions(count=6):
    return [
        Row(f"q{i}", [{"role": "user", "content": "odd?" if i % 2 else "even?"}], {"max_tokens": 4}, ["yes"])
        for i in range(count)
    ]


def plan(*tiers, judged=None, passes=None):
    asked = {tier.name: tier for tier in tiers}
    return Collecting(asked, {"temperature": 0}, judged or {}, 2, passes)


async def collect(journal, *tiers, **more):
    seen = []
    with journal:
        rows = await Collector(plan(*tiers, **more), journal, seen.append).run()
    return rows, seen


async def test_every_tier_answers_every_question(tmp_path):
    """Text, score, tokens and sampling; the progress ends at nothing left."""
    small, large = Fake("small", *SMALL), Fake("large", Line(text="yes"))

    rows, seen = await collect(Journal(tmp_path / "j", questions()), small, large)

    assert [1.0, 0.0] * 3 == [row.tiers["small"].score for row in rows]
    assert {1.0} == {row.tiers["large"].score for row in rows}
    assert [-2.0] == [token.logprob for token in rows[1].tiers["small"].tokens]
    assert {"max_tokens": 4, "temperature": 0} == small.seen[0].params
    assert ("large", 6, 0) == (seen[-1].tier, seen[-1].done, seen[-1].left)


async def test_a_killed_collection_goes_on_where_it_stopped(tmp_path):
    """What was answered is not asked again, and a torn last line costs only itself."""
    await collect(Journal(tmp_path / "j", questions(3)), Fake("small", *SMALL))
    with (tmp_path / "j").open("ab") as file:
        file.write(b'{"id":"q3","tier":"sma')
    again = Fake("small", *SMALL)

    rows, _ = await collect(Journal(tmp_path / "j", questions()), again)

    assert 3 == len(again.seen)
    assert all("small" in row.tiers for row in rows)
    whole, _ = await collect(Journal(tmp_path / "j", questions()), Fake("small", Line(fault=Fault.ERROR)))
    assert rows == whole


async def test_an_engine_that_dies_ends_it_and_loses_nothing(tmp_path):
    """The error is the engine's own; the answers before it are in the journal."""

    class Dying(Fake):
        async def answer(self, request):
            if len(self.seen) == 3:
                raise EngineLost("small broke off")
            return await super().answer(request)

    with pytest.raises(EngineLost, match="small broke off"):
        await collect(Journal(tmp_path / "j", questions()), Dying("small", *SMALL))

    after = Fake("small", *SMALL)
    rows, _ = await collect(Journal(tmp_path / "j", questions()), after)
    assert len(after.seen) < 6
    assert 6 == len(rows)


async def test_a_question_that_an_engine_refuses_is_answered_wrong(tmp_path):
    """Too long for it, say: it is an answer that never stands, not an end of the collection."""
    rows, _ = await collect(Journal(tmp_path / "j", questions(1)), Fake("small", Line(fault=Fault.REFUSE)))

    answer = rows[0].tiers["small"]
    assert ("refused", None, 0.0) == (answer.finish_reason, answer.tokens, answer.score)


async def test_a_broken_engine_ends_the_collection(tmp_path):
    """A 500 is nobody's answer."""
    with pytest.raises(EngineError, match="out of memory"):
        await collect(Journal(tmp_path / "j", questions(1)), Fake("small", Line(fault=Fault.ERROR)))


async def test_a_judge_is_asked_about_the_drafts_after_its_own_answer(tmp_path):
    """Its opinion stands with the draft, and is not asked for twice."""
    small, large = Fake("small", *SMALL), Fake("large", Line(text="yes"))
    judged = {"large": ["small"]}

    rows, _ = await collect(Journal(tmp_path / "j", questions(2)), small, large, judged=judged)

    assert {"large": 1.0} == {name: heard.p for name, heard in rows[0].tiers["small"].p_true.items()}
    own, about = (
        large.seen[0].messages,
        [seen for seen in large.seen if seen.messages[-1]["content"] == QUESTION],
    )
    assert QUESTION != own[-1]["content"]
    assert 2 == len(about)
    again = Fake("large", Line(fault=Fault.ERROR))
    assert (rows, 0) == (
        (await collect(Journal(tmp_path / "j", questions(2)), small, again, judged=judged))[0],
        len(again.seen),
    )


async def test_the_cascades_checks_are_part_of_the_pipeline(tmp_path):
    """An answer that fails them is marked: no threshold keeps it."""

    async def passes(_, draft):
        return draft.text == "yes"

    rows, _ = await collect(Journal(tmp_path / "j", questions(2)), Fake("small", *SMALL), passes=passes)

    assert [True, False] == [row.tiers["small"].passed for row in rows]


async def test_no_more_than_so_many_at_once(tmp_path):
    """The engine's batch is the user's to size."""
    running = []

    class Counting(Fake):
        async def answer(self, request):
            running.append(self.running)
            await asyncio.sleep(0)
            return await super().answer(request)

    await collect(Journal(tmp_path / "j", questions()), Counting("small", *SMALL))

    assert max(running) <= 2


def test_a_journal_of_something_else_is_refused(tmp_path):
    """It is not written over."""
    (tmp_path / "j").write_bytes(b'{"hello": 1}\n')

    with (
        pytest.raises(BadRows, match="move the file away to begin anew"),
        Journal(tmp_path / "j", questions()),
    ):
        pass


def test_rows_are_written_whole_or_not_at_all(tmp_path):
    """A folder that is not there is a sentence, and nothing half stays."""
    write_rows(tmp_path / "rows.jsonl", questions(2))

    assert questions(2) == read(tmp_path / "rows.jsonl")
    with pytest.raises(BadRows, match="cannot be written"):
        write_rows(tmp_path / "none" / "rows.jsonl", questions(2))
