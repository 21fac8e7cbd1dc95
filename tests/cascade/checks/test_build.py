"""From models.yaml to checks, and from checks to outcomes."""

import time
from pathlib import Path

import pytest

from gpu_cascade.cascade.checks.base import LONGEST, Pure, passes
from gpu_cascade.cascade.checks.build import Required, build, failed, run
from gpu_cascade.config.checks import ChecksConfig
from gpu_cascade.errors import ConfigError
from gpu_cascade.types import Outcome

from .texts import draft, hostile, request

ASK = request("Cancel within 30 days of the booking for a fee of 12.5 %. " * 60)
EVERY = {
    "command": {"argv": ["true"]},
    "python_ast": None,
    "quote": {"numbers": True},
    "json_schema": {"schema": {"type": "object"}, "min": 0.5},
    "regex": {"pattern": r"(?s).*\S.*"},
    "number": {"low": 0, "high": 100, "unit": "%"},
    "completeness": {"parts": ["fee"], "patterns": [r"\d"]},
}


def made(section, resolve=Path):
    return build(ChecksConfig.model_validate(section), resolve)


def pure():
    return made({name: section for name, section in EVERY.items() if name != "command"})


class Scripted:
    """A check that is not pure: it starts something."""

    name = "scripted"

    def __init__(self, score=1.0):
        self.asked = 0
        self.score = score

    async def check(self, request, draft):
        self.asked += 1
        return Outcome(self.name, self.score, "")


def scored(name, score):
    return Required(Pure(name, lambda *_: (score, "")), 0.5)


def test_cheap_checks_come_first_and_the_command_last():
    """Whatever order they are written in; each with its minimum."""
    checks = made(EVERY)

    assert [
        ("completeness", 0.8),
        ("number", 1.0),
        ("regex", 1.0),
        ("json_schema", 0.5),
        ("quote", 1.0),
        ("python_ast", 1.0),
        ("command", 1.0),
    ] == [(required.check.name, required.minimum) for required in checks]


def test_no_section_makes_no_check():
    """A cascade without checks asks for none."""
    assert () == made({})


async def test_every_check_gives_its_outcome():
    """All of them run on a good draft, and all pass."""
    checks = made({name: EVERY[name] for name in ("completeness", "number", "regex", "quote")})
    outcomes = await run(checks, ASK, draft('The fee: "within 30 days of the booking", 12.5 %'))

    assert [1.0] * 4 == [outcome.score for outcome in outcomes]
    assert failed(checks, outcomes) is None


@pytest.mark.parametrize(
    ("score", "minimum", "passed"), [(0.8, 0.8, True), (0.79, 0.8, False), (None, 0.0, False)]
)
def test_a_score_passes_from_its_minimum_on(score, minimum, passed):
    """Unknown never passes, not even where nothing is asked."""
    assert passed == passes(Outcome("it", score, ""), minimum)


@pytest.mark.parametrize("score", [0.4, None])
async def test_a_failure_stops_what_costs_and_nothing_else(score):
    """The pure ones all look, for the trace; no process is started for a draft that has failed."""
    costly = Scripted()
    checks = (scored("first", score), scored("second", 1.0), Required(costly, 1.0))

    outcomes = await run(checks, ASK, draft("Yes"))

    assert [score, 1.0] == [outcome.score for outcome in outcomes]
    assert "first" == failed(checks, outcomes).name
    assert 0 == costly.asked


async def test_what_costs_runs_when_all_else_has_passed():
    """And its own outcome counts like any other."""
    costly = Scripted(score=0.0)
    checks = (scored("first", 1.0), Required(costly, 1.0))

    outcomes = await run(checks, ASK, draft("Yes"))

    assert 1 == costly.asked
    assert "scripted" == failed(checks, outcomes).name


async def test_a_draft_that_is_too_long_is_unknown_to_each():
    """A megabyte is not looked at: that would hold up everyone else's answers."""
    checks = pure()
    outcomes = await run(checks, ASK, draft("x" * 1_000_000))

    assert [None] * len(checks) == [outcome.score for outcome in outcomes]
    assert f"1000000 characters, of which {LONGEST} are read at most" == outcomes[0].evidence


@pytest.mark.parametrize("text", hostile(20_000).values(), ids=hostile(1))
async def test_no_text_holds_up_the_gateway(text):
    """All pure checks of one hostile draft take less than half a second of processor time together."""
    began = time.process_time()
    outcomes = await run(pure(), ASK, draft(text))

    assert time.process_time() - began < 0.5
    assert all(outcome.score is None or 0.0 <= outcome.score <= 1.0 for outcome in outcomes)


TEXTS = {
    "prose": 'You may cancel "within 30 days of the booking" for a fee of 12.5 % in all cases. ' * 25,
    "JSON": '{"items": ['
    + ", ".join(f'{{"id": {i}, "name": "ticket number {i}"}}' for i in range(48))
    + "]}",
    "code": "def cancel(days, fee):\n    if days > 30:\n        return None\n    return fee * 0.125\n\n\n"
    * 23,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", [name for name in EVERY if name != "command"])
async def test_a_usual_draft_costs_about_a_millisecond(name, text):
    """2,000 characters, the best of 20 looks: 1 ms on an idle machine, and room for a busy one."""
    check = made({name: EVERY[name]})[0].check
    spent = []
    for _ in range(20):
        began = time.perf_counter()
        await check.check(ASK, draft(text))
        spent.append(time.perf_counter() - began)

    assert 1900 < len(text) < 2100
    assert min(spent) < 0.003


def test_paths_are_meant_from_the_folder_of_the_file(tmp_path):
    """A schema's file, and a program that is named with a slash."""
    (tmp_path / "answer.json").write_text('{"type": "object"}')
    program = tmp_path / "judge.sh"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)

    checks = made(
        {"json_schema": {"schema": "answer.json"}, "command": {"argv": ["./judge.sh", "-v"]}},
        tmp_path.joinpath,
    )

    assert (str(program), "-v") == checks[1].check._argv


@pytest.mark.parametrize(
    ("section", "told"),
    [
        (
            {"json_schema": {"schema": "gone.json"}},
            "checks.json_schema.schema: {0}/gone.json cannot be read as JSON: No such",
        ),
        (
            {"json_schema": {"schema": "broken.json"}},
            "checks.json_schema.schema: {0}/broken.json cannot be read as JSON: ",
        ),
        (
            {"json_schema": {"schema": "deep.json"}},
            "checks.json_schema.schema: {0}/deep.json cannot be read as JSON: ",
        ),
        (
            {"json_schema": {"schema": "."}},
            "checks.json_schema.schema: {0} cannot be read as JSON: Is a directory",
        ),
        (
            {"json_schema": {"schema": "large.json"}},
            "checks.json_schema.schema: {0}/large.json has more than 1 MiB",
        ),
        (
            {"json_schema": {"schema": {"type": "objekt"}}},
            "checks.json_schema.schema: not a usable JSON schema",
        ),
        (
            {"command": {"argv": ["no-such-program"]}},
            "checks.command.argv: no-such-program is no program on PATH",
        ),
        (
            {"command": {"argv": ["./broken.json"]}},
            "checks.command.argv: ./broken.json is no program on PATH",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_at_the_start(tmp_path, section, told):
    """A check that could only ever say "unknown" would send every request up in silence."""
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "large.json").write_text("[" + " " * (1 << 20) + "]")

    with pytest.raises(ConfigError) as caught:
        made(section, tmp_path.joinpath)

    assert caught.value.message.startswith(told.format(tmp_path))
