"""The tables come from the recorded rows alone, without an engine, whatever part of the record is there."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gpu_cascade.calibrate.rows import Opinion, Row, TierAnswer, Token, encode

ROOT = Path(__file__).parents[1]
REPLAY = ROOT / "scripts" / "long" / "deferral" / "replay.py"
RECORD = ROOT / "benchmarks" / "deferral"
TIERS = ("s135m", "q0_5b", "q1_5b")
RIGHT, COST = (0.4, 0.6, 0.9), (0.2, 1.0, 4.0)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    """A made-up record of two sets and RouteLLM's flags, replayed once: (what it printed, its JSON)."""
    folder = tmp_path_factory.mktemp("record")
    write(folder / "headlines.jsonl", 410, last=100)
    write(folder / "xquad.jsonl", 60, last=20)
    flags = "\n".join(f"mmlu,{place % 3 > 0:d},{place % 7 > 0:d}" for place in range(400))
    (folder / "routellm.csv").write_text(f"dataset,weak,strong\n{flags}\n")

    done = replay(folder, "--json", folder / "figures.json", "--write")

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout == (folder / "TABLES.md").read_text()
    return done.stdout, json.loads((folder / "figures.json").read_text())


def test_default_stands_at_the_top(replayed):
    """The signal that won cross-validation is named before any table."""
    text, _ = replayed

    assert text.splitlines()[2].startswith("default: ")


def test_pair_has_its_figures(replayed):
    """Qualities and costs are those of the rows; each target has a sentence; large pairs are split anew."""
    _, found = replayed

    pair = found["pairs"]["headlines s135m > q0_5b"]

    assert 410 == pair["rows"]
    assert pair["quality"] == pytest.approx([0.4, 0.6], abs=0.08)
    assert pair["engine_s"] == pytest.approx([0.2, 1.0], rel=0.1)
    assert pair["error_auroc"] > 0.7
    assert {"0.02", "0.05"} == set(pair["matched"])
    assert [0.02, 0.05, 0.1] == [one["target"] for one in pair["promises"]]
    assert all(one["said"] for one in pair["promises"])
    assert 410 == pair["judged"]["rows"]
    assert 0 <= pair["resplit"]["missed"] <= 1


def test_partial_set_uses_what_both_tiers_answered(replayed):
    """A pair whose larger tier has answered too little is named and has no figures; the other pair has."""
    text, found = replayed

    assert 60 == found["pairs"]["xquad s135m > q0_5b"]["rows"]
    assert found["pairs"]["xquad q0_5b > q1_5b"] is None
    assert found["chains"]["xquad"] is None
    assert "Not enough rows yet: xquad s135m > q1_5b, xquad q0_5b > q1_5b." in text


def test_few_certifying_rows_say_what_they_can_certify(replayed):
    """Under 400 certifying rows there is a line on the loss that such a set can certify instead."""
    text, _ = replayed

    assert "xquad, s135m > q0_5b: 54 certifying rows, under 400; the smallest loss" in text


def test_papers_tables_are_there(replayed):
    """FrugalGPT's chain saves at the best single model's accuracy; RouteLLM's outcomes have their oracle."""
    text, found = replayed
    chain, mmlu = found["chains"]["headlines"], found["outcomes"][0]

    assert {"s135m", "q0_5b", "q1_5b"} == set(chain["quality"])
    assert {"max_prob", "distance_to_uniform", "random"} == set(chain["saved"]["s135m > q0_5b > q1_5b"])
    assert 8 == len(chain["frugal"])
    assert mmlu["only_strong"] - mmlu["only_weak"] == pytest.approx(mmlu["strong"] - mmlu["weak"])
    assert mmlu["oracle_apgr"] > 0.5
    for heading in ("FrugalGPT", "Varshney & Baral", "Gupta", "RouteLLM", "three-tier chain", "re-splits"):
        assert f"{heading}" in text


def test_empty_folder_is_no_failure(tmp_path):
    """Nothing recorded yet: the document says so."""
    done = replay(tmp_path)

    assert (0, "") == (done.returncode, done.stderr)
    assert "default: nothing can be told" in done.stdout


def test_broken_rows_are_a_sentence(tmp_path):
    """A line that is no row: its file and place, exit 2, no traceback."""
    (tmp_path / "xquad.jsonl").write_text("{}\n")

    done = replay(tmp_path)

    assert 2 == done.returncode
    assert "xquad.jsonl:1: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.timeout(600)
def test_record_replays_in_a_minute():
    """Whatever benchmarks/deferral holds becomes tables in under 60 s of two cores, whatever else runs."""
    begun = processor_s()

    done = replay(RECORD)

    assert (0, "") == (done.returncode, done.stderr)
    assert 2 * 60 > processor_s() - begun
    assert all(f" {path.stem} " in done.stdout for path in RECORD.glob("*.jsonl"))


def processor_s():
    """What the processes started so far have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def replay(folder, *options):
    command = [sys.executable, REPLAY, folder, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write(path, count, last):
    """So many rows on which low logprobs mean a wrong draft; the last tier answered `last` of them."""
    rng = np.random.default_rng(0)
    rows = [row(f"{path.stem}-{place}", rng, place < last) for place in range(count)]
    path.write_bytes(b"\n".join(map(encode, rows)) + b"\n")


def row(name, rng, whole):
    tiers = {tier: answer(rng, place) for place, tier in enumerate(TIERS[: 3 if whole else 2])}
    return Row(name, [{"role": "user", "content": "?"}], gold=["x"], tiers=tiers)


def answer(rng, place):
    score = float(rng.random() < RIGHT[place])
    tops = np.sort(-rng.exponential(1.5 - score, (4, 5)) - 1e-5)[:, ::-1].tolist()
    seconds = float(COST[place] * rng.uniform(0.8, 1.2))
    opinions = {judge: Opinion(float(rng.random()), 0.1) for judge in TIERS[place + 1 :]}
    tokens = tuple(Token(top[0], tuple(top)) for top in tops)
    return TierAnswer("x", "stop", tokens, seconds, score, p_true=opinions)
