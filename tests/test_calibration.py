"""`calibrate`, `evaluate` and a `serve` that applies what they leave: commands and scripted engines."""

import json
import subprocess

import pytest

from gpu_cascade.calibrate.journal import write_rows
from gpu_cascade.calibrate.rows import Row, read

from .calibrate.made import rows as made_rows
from .serving import COMMAND, Serve, until

pytestmark = pytest.mark.scripted

ENGINES = """
engines:
  small: {model: small, dtype: bfloat16}
  large: {model: large}
"""
BY_HAND = ENGINES + "cascades: {cascade: {tiers: [small, large], threshold: -0.9}}\n"
CALIBRATED = ENGINES + "cascades: {cascade: {tiers: [small, large], calibration: c.json}}\n"
SCRIPT = [{"match": "hard", "text": "no", "logprob": -3.0}, {"text": "yes", "logprob": -0.1}]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "models.yaml").write_text(BY_HAND)
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    questions = [
        Row(f"q{i}", [{"role": "user", "content": f"{'hard' if i % 4 else 'easy'} {i}"}], {}, ["yes"])
        for i in range(120)
    ]
    write_rows(tmp_path / "rows.jsonl", questions)
    return tmp_path


def command(folder, *words, **popen):
    return subprocess.run(
        [*COMMAND, *words], cwd=folder, capture_output=True, text=True, timeout=100, check=False, **popen
    )


def calibrate(folder, *more):
    words = ["calibrate", "rows.jsonl", "--cascade", "cascade", "--target-loss", "0.05", "-o", "c.json"]
    return command(folder, *words, "--script", "script.json", *more)


def test_calibrated_and_served(folder):
    """Questions in, a calibration out; served with it, answers say that they are certified, and which not."""
    done = calibrate(folder, "--json")

    assert 0 == done.returncode, done.stderr
    told = json.loads(done.stdout)
    assert (True, 108) == (told["certified"], told["n"])
    answered = read(folder / "c.rows.jsonl")
    assert all({"small", "large"} == row.tiers.keys() for row in answered)
    assert not (folder / "c.rows.journal.jsonl").exists()

    serve = Serve(folder, CALIBRATED, "--script", str(folder / "script.json"))
    try:
        serve.ready()
        until(lambda: told["reason"] in serve.output.read_text())
        state = serve.state()["cascades"]["cascade"]
        assert told["reason"] == state["sentence"]
        _, sure = serve.ask("easy")
        _, other = serve.ask("easy", temperature=0.8)
        assert ("kept", True) == (sure["cascade"]["verdict"], sure["cascade"]["certified"])
        assert told["threshold"] == sure["cascade"]["judged"][0]["threshold"]
        assert other["cascade"]["certified"] is False
    finally:
        serve.stop()


def test_what_streams_live_has_a_calibration_of_its_own(folder):
    """Made with `stream: commit`, it serves that with its certificate, and nothing else."""
    commit = "stream: commit, commit_after: 1, "
    (folder / "script.json").write_text(
        json.dumps([{**line, "text": f"{line['text']}, so"} for line in SCRIPT])
    )
    (folder / "models.yaml").write_text(BY_HAND.replace("threshold", f"{commit}threshold"))
    done = calibrate(folder, "--labels", "none")
    assert 0 == done.returncode, done.stderr

    (folder / "models.yaml").write_text(CALIBRATED)
    refused = command(folder, "serve", "--fake", "--port", "0")
    live = CALIBRATED.replace("calibration", f"{commit}calibration")
    serve = Serve(folder, live, "--script", str(folder / "script.json"))
    try:
        _, answer = serve.ready().ask("easy")
    finally:
        serve.stop()

    assert 2 == refused.returncode
    assert "commit_after was 1 and is absent" in refused.stderr
    told = answer["cascade"]
    assert ("kept", "small", True) == (told["verdict"], told["tier"], told["certified"])


def test_what_was_calibrated_for_something_else_is_not_served(folder):
    """`serve` names the part that differs, with both values, and what to do."""
    assert 0 == calibrate(folder).returncode
    (folder / "models.yaml").write_text(CALIBRATED.replace("bfloat16", "float16"))

    refused = command(folder, "serve", "--fake", "--port", "0")

    assert 2 == refused.returncode
    assert "small.dtype was bfloat16 and is float16" in refused.stderr
    assert "Run `gpu-cascade calibrate` again" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_rows_that_carry_every_answer_need_no_engine(folder):
    """A second calibration of the answered rows boots nothing, and `evaluate` reads them too."""
    write_rows(folder / "rows.jsonl", made_rows(900))

    certified = command(
        folder,
        *(
            "calibrate",
            "rows.jsonl",
            "--cascade",
            "cascade",
            "--target-loss",
            "0.05",
            "-o",
            "c.json",
            "--fake",
        ),
    )
    evaluated = command(folder, "evaluate", "rows.jsonl", "--json", "-o", "report.html")

    assert 0 == certified.returncode, certified.stderr
    assert "With 90 % confidence at most 5 points worse" in " ".join(certified.stdout.split())
    assert 0 == evaluated.returncode, evaluated.stderr
    assert "<svg" in (folder / "report.html").read_text()
    assert "served" not in {policy["name"] for policy in json.loads(evaluated.stdout)["policies"]}
    (folder / "models.yaml").write_text(CALIBRATED)
    served = command(folder, "evaluate", "rows.jsonl", "--json")
    told = json.loads(served.stdout)
    policy = next(policy for policy in told["policies"] if policy["name"] == "served")
    assert policy["quality"]["value"] >= told["quality"]["large"] - 0.05
    assert told["guarantee"].startswith("With 90 % confidence")
    documented = {"n", "quality", "auc_df", "nauc_df", "auroc", "ece", "cost", "at_matched_quality"}
    assert documented <= json.loads(evaluated.stdout).keys()


def test_not_certifiable_is_exit_4_and_escalates_everything(folder):
    """The file says so, and a `serve` with it writes no draft."""
    write_rows(folder / "rows.jsonl", made_rows(60, sharp=0.0, small=0.2))

    done = calibrate(folder)

    assert 4 == done.returncode
    assert "everything escalates" in " ".join(done.stdout.split())
    serve = Serve(folder, CALIBRATED, "--script", str(folder / "script.json"))
    try:
        _, body = serve.ready().ask("easy")
        assert ("forced", "large") == (body["cascade"]["verdict"], body["cascade"]["tier"])
        assert body["cascade"]["certified"] is False
        assert ["large"] == [use["engine"] for use in body["cascade"]["uses"]]
    finally:
        serve.stop()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--cascade", "cascad"], "--cascade cascad is not known here; did you mean cascade?"),
        (["--signal", "entropy"], "--signal entropy is not known here"),
        (["--labels", "all"], "--labels all is not known here"),
        (["--config", "none.yaml"], "none.yaml does not exist"),
    ],
)
def test_wrong_words_are_refused_before_an_engine_boots(folder, words, told):
    """A sentence with the choices, exit code 2."""
    given = ["--cascade", "cascade", "--target-loss", "0.1", "-o", "c.json"]

    done = command(folder, "calibrate", "rows.jsonl", *given, *words)

    assert 2 == done.returncode
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_gold_is_refused_before_an_engine_boots(folder):
    """Half labelled is not labelled; none at all would certify agreement."""
    some = read(folder / "rows.jsonl")
    write_rows(folder / "rows.jsonl", [Row(some[0].id, some[0].messages), *some[1:]])

    done = calibrate(folder)

    assert 2 == done.returncode
    assert "of 120 rows 1 rows (q0) have no gold" in done.stderr


def watched(folder, workers, monitor):
    """A serve of the calibrated cascade, each kept answer of which is asked again."""
    yaml = CALIBRATED.replace("c.json}", f"c.json, monitor: {monitor}}}")
    return Serve(folder, yaml, "--script", str(folder / "script.json"), "--workers", workers)


def monitor(serve):
    return serve.state()["cascades"]["cascade"]["monitor"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_kept_answers_are_watched(folder, workers):
    """With a monitor the last tier is asked again in its idle time, for the record; what it found is kept."""
    assert 0 == calibrate(folder).returncode
    serve = watched(folder, workers, "{share: 1}")
    try:
        serve.ready()
        for number in range(3):
            assert serve.ask(f"easy {number}")[1]["cascade"]["certified"] is True
        until(lambda: monitor(serve)["compared"] == 3)
        assert (0.0, False) == (monitor(serve)["disagreement"], monitor(serve)["alarmed"])
        kept = (folder / "state" / "monitor-cascade.json").read_text()
        assert "easy" not in kept
        assert 3 == json.loads(kept)["drift"]["n"]
    finally:
        serve.stop()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_after_an_alarm_nobody_drafts(folder, workers):
    """What an earlier serve has found holds in every process of the next one."""
    assert 0 == calibrate(folder).returncode
    serve = watched(folder, workers, "{share: 1, on_alarm: escalate_all}")
    kept = folder / "state" / "monitor-cascade.json"
    try:
        assert "kept" == serve.ready().ask("easy")[1]["cascade"]["verdict"]
        until(kept.exists)
    finally:
        serve.stop()
    found = json.loads(kept.read_text())
    found["drift"]["stakes"] = [1e6 for _ in found["drift"]["stakes"]]
    kept.write_text(json.dumps(found))

    serve = watched(folder, workers, "{share: 1, on_alarm: escalate_all}")
    try:
        serve.ready()
        verdicts = {serve.ask(f"easy {number}")[1]["cascade"]["verdict"] for number in range(8)}
    finally:
        serve.stop()

    assert {"forced"} == verdicts
