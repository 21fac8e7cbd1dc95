"""benchmarks/gateway: what its short form finds, and how slices become rows and a page."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gpu_cascade.errors import CascadeError, Unavailable

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts" / "long"))
from gateway import command, machine  # noqa: E402 - the folder is no package
from gateway.client import Told, is_from, percentile_ms  # noqa: E402
from gateway.loads import DIRECT, LANES, LOADS, OURS  # noqa: E402
from gateway.page import BEGIN, END, Results, spread, write  # noqa: E402
from gateway.rounds import Slice  # noqa: E402
from gateway.summary import Figure, figure, rows  # noqa: E402

MINE = [lane for lane in LANES if lane.gateway in {DIRECT, OURS}]
KEPT = "gpu-cascade, kept"
NGINX = next(lane.name for lane in LANES if lane.gateway == "nginx")


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """The short form, run once: stub and gpu-cascade, a second of each row."""
    folder = tmp_path_factory.mktemp("bench")
    argv = [str(ROOT / "benchmarks" / "gateway" / "run"), "--short", str(folder)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=280, check=False)
    assert 0 == ended.returncode, ended.stdout + ended.stderr
    return json.loads((folder / "results.json").read_text())


@pytest.mark.scripted
@pytest.mark.timeout(300)
def test_every_row_is_there_and_right(short):
    """Kept text is the small stub's, escalated text the large one's, in every answer of every row."""
    found = {(row["lane"], row["load"]): row for row in short["rows"]}

    assert {(lane.name, load) for lane in MINE for load in lane.loads} == found.keys()
    assert {} == short["left_out"]
    assert {0} == {row["bad"] for row in found.values()}


@pytest.mark.scripted
@pytest.mark.timeout(300)
def test_only_escalated_rows_ask_the_large_engine(short):
    """Once for each request of theirs, and for no other; a draft is asked for in both."""
    says = {lane.name: lane.says for lane in MINE}

    for one in short["slices"]:
        asked = one["told"]["requests"]
        escalated = says[one["lane"]] == "large"
        assert {"small": asked, "large": asked if escalated else 0} == one["asked"], one


@pytest.mark.scripted
@pytest.mark.timeout(300)
def test_streams_come_token_by_token(short):
    """In 64 pieces, paced ones no sooner than the stub sends them; a kept draft, whole by then, in one."""
    for one in short["slices"]:
        if LOADS[one["load"]].stream:
            pieces = 1 if one["lane"] == KEPT else 64
            assert pieces * one["told"]["requests"] == one["told"]["pieces"], one
        if one["load"] == "paced":
            assert 50 <= one["told"]["first_p50_ms"]


@pytest.mark.scripted
@pytest.mark.timeout(300)
def test_memory_is_looked_at(short):
    """A fresh worker, after its requests, and with all the streams it should hold."""
    memory = short["memory"]

    assert 20 == memory["held"]
    assert 200 <= memory["requests"]
    assert all(memory[key] > 1 << 20 for key in ("fresh_bytes", "after_bytes", "held_bytes"))


def test_glued_answer_is_wrong():
    """A rejected draft before the large model's text, a cut text and the other model's are not right."""
    small, large = (json.dumps({"content": f" {word}00 {word}63"}).encode() for word in ("small", "large"))

    assert is_from(small, "small")
    assert is_from(large, "large")
    assert not is_from(small, "large")
    assert not is_from(small + large, "large")
    assert not is_from(b'{"content":" small00 small01"}', "small")
    assert not is_from(b"", "small")


def test_request_says_what_is_wanted():
    """All rows of a table send the same request but for model and difficulty."""
    asked = json.loads(LOADS["paced"].body("large", hard=True))
    plain = json.loads(LOADS["plain"].body("small", hard=False))

    assert asked["stream"]
    assert 5 == asked["top_logprobs"]
    assert {"hard", "paced"} < set(asked["messages"][0]["content"].split())
    assert not plain["stream"]
    assert "logprobs" not in plain


def test_percentiles_in_milliseconds():
    """Of none there is none."""
    assert percentile_ms([], 50) is None
    assert 2000 == percentile_ms([2.0], 99)
    assert 2000 == percentile_ms([1.0, 2.0, 3.0], 50)


def seen(lane, number, requests, p50_ms, cpu_s=None):
    told = Told(requests=requests, bad=0, seconds=2, p50_ms=p50_ms, p99_ms=p50_ms)
    return Slice(lane, "whole", number, told, cpu_s, {"small": requests, "large": 0})


def test_rows_compare_with_direct_of_the_same_round():
    """Ratios and added latency go by the round, then their median is taken, with the least and the most."""
    direct = [seen(DIRECT, number, requests, 1.0) for number, requests in enumerate((100, 200, 400))]
    nginx = [seen(NGINX, number, 50, 1.5, cpu_s=0.001) for number in range(3)]

    first, second = rows([*direct, *nginx])

    assert (DIRECT, NGINX) == (first.lane, second.lane)
    assert Figure(1, 1, 1) == first.ratio
    assert first.cpu_us is None
    assert Figure(0.25, 0.125, 0.5) == second.ratio
    assert Figure(0.5, 0.5, 0.5) == second.added_p50_ms
    assert 20 == second.cpu_us.median


def test_unknown_figure_is_none():
    """A round without a value leaves the figure unknown; a row without an answer has no latency."""
    (_, row) = rows([seen(DIRECT, 0, 100, 1.0), seen(NGINX, 0, 0, None, cpu_s=0.5)])

    assert figure([1.0, None]) is None
    assert (None, None, None) == (row.p50_ms, row.added_p50_ms, row.cpu_us)
    assert "–" == spread(row.p50_ms, 2)
    assert [] == rows([seen(NGINX, 0, 50, 1.5, cpu_s=0.001)])


def results(**more):
    slices = [seen(DIRECT, 0, 100, 1.0), seen(NGINX, 0, 50, 1.5, cpu_s=0.001)]
    on = {"processor": "P", "cores": 2, "memory_mib": 1024, "system": "S", "python": "3"}
    found = {
        "versions": {"nginx": "1"},
        "left_out": {},
        "memory": None,
        "rss_bytes": {"nginx": 3 << 20},
        **more,
    }
    return Results(
        date="d",
        commit="c",
        machine=on,
        rounds=1,
        slice_s=2,
        busy_shares=[0.5],
        rows=rows(slices),
        slices=slices,
        **found,
    )


def test_page_gets_its_tables(tmp_path):
    """Between the markers stands what this run found, and what it left out; the rest of the page stays."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    write(page, results(left_out={"litellm": "not installed"}))

    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert "| nginx | 25 (25 to 25) | 0.5000 (0.5000 to 0.5000) | 20 (20 to 20) |" in text
    assert "- litellm: not installed" in text
    assert "others used 50% of both cores" in text
    assert "| nginx, after the rounds | 3 |" in text


def test_page_of_this_repository_has_its_place():
    """Else a run of many minutes would end without its tables."""
    text = command.PAGE.read_text()

    assert 0 < text.index(BEGIN) < text.index(END)


def test_page_without_markers_is_an_error(tmp_path):
    """It says which ones, and nothing is written."""
    page = tmp_path / "page.md"
    page.write_text("no place")

    with pytest.raises(CascadeError, match="<!-- gateway -->"):
        write(page, results())

    assert "no place" == page.read_text()


def test_missing_program_is_a_sentence(monkeypatch, capsys):
    """Which one, and how to get it; exit 3."""
    monkeypatch.setattr(machine.shutil, "which", lambda name, path=None: None)
    monkeypatch.setattr(command, "cores", lambda: machine.Cores(0, 1))
    monkeypatch.setattr(command.os, "sched_setaffinity", lambda pid, cores: None)

    assert 3 == command.main([])

    assert "wrk is not here; apt-get install wrk\n" == capsys.readouterr().out


def test_single_core_is_refused(monkeypatch):
    """Gateway and load would share it."""
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: {3})

    with pytest.raises(Unavailable, match="1 core is here"):
        machine.cores()


def test_left_out_is_named_and_the_rest_goes_on(monkeypatch):
    """A pair that breaks in a round is left out with its reason."""
    monkeypatch.setattr(command, "busy_share", lambda cores, seconds: 0.0)

    class Breaks:
        cores = machine.Cores(0, 1)

        def pairs(self):
            return [(lane, LOADS["plain"]) for lane in LANES[:2]]

        def measure(self, lane, load, number, seconds):
            if lane.name == NGINX:
                raise CascadeError("it is gone")
            return seen(lane.name, number, 10, 1.0)

    left_out = {}
    form = command.Form(rounds=2, slice_s=1, requests=0, held=0, peers={}, by_wrk=False)

    found, shares = command._rounds(form, Breaks(), left_out)

    assert [DIRECT, DIRECT] == [one.lane for one in found]
    assert {f"{NGINX}: plain": "it is gone"} == left_out
    assert [0.0, 0.0] == shares
