"""scripts/gpu_check: without a GPU it says so; its pieces against scripted engines on a modelled GPU."""

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest

from gpu_cascade.config import load
from gpu_cascade.engines.child import Command
from gpu_cascade.engines.fake_vram import Faults, Sizes, Vram
from gpu_cascade.engines.vllm_build import Build
from gpu_cascade.errors import CascadeError
from gpu_cascade.staging.stage import Stage
from gpu_cascade.vram import witness
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.gpu.reading import Device, Process
from gpu_cascade.vram.plan.want import Mode
from gpu_cascade.vram.scheduler.policy import Turns
from gpu_cascade.vram.scheduler.words import HOST, Layout, Profile, State

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from gpu import command, shapes  # noqa: E402 - the folder is no package
from gpu.pieces import Bed  # noqa: E402
from gpu.record import BEGIN, END, NOTHING, Line, Record, read, write_table  # noqa: E402

GPU, KV, REST = "GPU-a", 2 * GIB, GIB // 2
WEIGHTS = {"small": 3 * GIB, "large": 20 * GIB}
YAML = """
engines: {small: {model: ./Small-shape}, large: {model: ./Large-shape}}
cascades: {cascade: {tiers: [small, large], threshold: keep_all}}
"""
LEFT = ("", "left", True)


def fresh(vllm="0.26.0"):
    """A record in which nothing is done yet."""
    return Record("NVIDIA H100 80GB", 40 * GIB, "2026-11-25", vllm, "1.0")


class VramProbe:
    """The modelled GPU as a driver shows it."""

    def __init__(self, vram):
        self._vram = vram

    def devices(self):
        total, free, held = self._vram.read()
        return [Device(GPU, 0, "Modelled", total, free, tuple(Process(*one) for one in held))]


class Lab:
    """A GPU with room for one of two scripted engines; their plan has `other` bytes beside the weights."""

    def __init__(self, folder, names=("small", "large"), faults=Faults(), other=GIB):  # noqa: B008 - frozen
        (folder / "models.yaml").write_text(YAML)
        self.page = folder / "vram.md"
        self.page.write_text(f"Before.\n{BEGIN}\nold\n{END}\nAfter.\n")
        self.folder, self.names, self.faults = folder / "records", names, faults
        self.config = load(folder / "models.yaml")
        self.vram = Vram.create(folder / "vram.json", 40 * GIB)
        self._file = folder / "vram.json"
        self._base = {name: size + other for name, size in WEIGHTS.items()}

    def check(self, only=None):
        bed = Bed(self.config, self.stage, VramProbe(self.vram))
        return command.check(fresh(), only, lambda: nullcontext(bed), self.folder, self.page)

    def stage(self, sockets):
        """As `staged` makes it of a real plan."""
        profiles = {name: Profile((GPU,), base, REST, places=16) for name, base in self._base.items()}
        layouts = [Layout({name: KV}, {other: State.ASLEEP}) for name, other in (WEIGHTS, [*WEIGHTS][::-1])]
        commands = {name: self._starter(name, sockets) for name in self.names}
        return Stage(
            Mode.SLEEP,
            profiles,
            layouts,
            {GPU: 25 * GIB, HOST: 100 * GIB},
            Turns(1),
            commands,
            lambda _: VramProbe(self.vram),
            self._learn,
        )

    @property
    def record(self):
        """What was kept."""
        return read(fresh().file(self.folder))

    def lines(self, piece):
        """(engine, what, right) of what was kept."""
        return [(one.engine, one.what, one.right) for one in self.record.pieces[piece].lines]

    def _starter(self, name, sockets):
        sizes = Sizes(WEIGHTS[name], KV, GIB, (REST, REST), faults=self.faults)
        argv = [sys.executable, "-m", "gpu_cascade.engines.fake_server", "--name", name]
        argv += ["--uds", str(sockets / name), "--vram", str(self._file), msgspec.json.encode(sizes).decode()]
        log = self.config.state_dir / "log"
        return lambda _: Command(name, argv, os.environ, sockets / name, log, 60)

    def _learn(self, name, what, value):
        if what == "resident_bytes":
            self._base[name] = value


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Memory that does not come back is not waited for."""
    monkeypatch.setattr(witness, "BACK_S", 0.3)


def test_without_a_gpu_it_says_so():
    """Exit code 3 and a sentence, whatever else is here."""
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [ROOT / "scripts" / "gpu_check"], capture_output=True, text=True, check=False, env=env
    )

    assert (3, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("no NVIDIA GPU is found here, so nothing was measured")


def test_the_build_for_processors_is_refused(monkeypatch, capsys):
    """It would boot and take no byte of the GPU."""
    monkeypatch.setattr(command, "list_gpus", lambda: [Device(GPU, 0, "Card", 80 * GIB, 79 * GIB, ())])
    monkeypatch.setattr(command, "installed", lambda: Build("0.32.0", cpu=True))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")

    assert 2 == command.main([])
    assert "GPU_CASCADE_DEVICE=cuda scripts/setup" in capsys.readouterr().out


@pytest.mark.parametrize(("gib", "large"), [(80, "Qwen2.5-32B-Instruct"), (22.5, "Qwen2.5-7B-Instruct")])
def test_the_largest_shape_that_takes_turns(gib, large, tmp_path, monkeypatch):
    """Planned by the planner itself: each awake beside the other asleep, never both."""
    build = Build("0.26.0", cpu=False)
    device = Device(GPU, 0, "Card", int(gib * GIB), int(gib * GIB), ())
    monkeypatch.setattr("gpu_cascade.staging.machine.list_gpus", lambda: [device])
    monkeypatch.setattr("gpu_cascade.staging.machine.machine_bytes", lambda: (128 * GIB, 120 * GIB))
    monkeypatch.setattr("gpu_cascade.staging.stage.installed", lambda: build)
    (tmp_path / "tokenizer.json").write_text("{}")

    config = shapes.pair(tmp_path, tmp_path, build)

    stage = command.staged(config, tmp_path)
    assert f"./{large}" == config.engines["large"].model
    assert (Mode.SLEEP, [["small"], ["large"]]) == (stage.mode, [list(one.awake) for one in stage.layouts])
    argv = stage.commands["large"](stage.layouts[1].awake["large"]).argv
    assert {"--load-format=dummy", "--enable-sleep-mode"} <= set(argv)
    assert (tmp_path / large / "tokenizer.json").is_file()


def test_no_tokenizer_is_said(tmp_path):
    """With what to do."""
    with pytest.raises(CascadeError, match="--tokenizer"):
        shapes.tokenizer_folder(tmp_path)


@pytest.mark.scripted
def test_a_plan_that_is_off_fails_until_it_has_learned(tmp_path):
    """2 GiB more than it takes are more than 3 %; the plan for the restart goes by what was seen."""
    lab = Lab(tmp_path, ["small"], other=3 * GIB)

    assert (1, 1) == (lab.check("boot"), lab.check("moves"))

    boot = [("small", "boot", True), ("small", "work", False), ("small", "stop", True)]
    assert [*boot, LEFT] == lab.lines("boot")
    moves = ("boot", "release", "wake", "sleep", "wake", "stop", "boot", "work", "stop")
    assert [*(("small", what, True) for what in moves), LEFT] == lab.lines("moves")
    line = lab.record.pieces["boot"].lines[1]
    assert (8 * GIB, 6 * GIB) == (line.planned_bytes, line.measured_bytes)
    table = lab.page.read_text()
    assert "| boot | small | work | 8.00 | 6.00 |" in table
    assert "FAILED" in table


@pytest.mark.scripted
def test_traffic_goes_through_moves(tmp_path):
    """Everybody is answered by the engine that was asked, within the budget; nothing is left."""
    lab = Lab(tmp_path)

    assert 0 == lab.check("traffic")

    found = lab.lines("traffic")
    assert all(right for *_, right in found)
    assert ["small and large", "small", "large"] == [engine for engine, what, _ in found if what == "answers"]
    assert {("small", "sleep", True), ("large", "boot", True), ("small", "wake", True), LEFT} <= set(found)
    assert {"small": "Small-shape", "large": "Large-shape"} == lab.record.models


@pytest.mark.scripted
def test_memory_that_does_not_come_back(tmp_path, capsys):
    """An engine that says 200 and keeps its memory is a failed line, exit code 1; the next has its turn."""
    lab = Lab(tmp_path, faults=Faults(lies=True))

    assert 1 == lab.check("moves")

    small = [("small", "boot", True), ("small", "ended", False)]
    assert [*small, ("large", "boot", True), ("large", "ended", False), LEFT] == lab.lines("moves")
    assert "0.0 of 2.0 GiB are back" in lab.record.pieces["moves"].lines[1].note
    assert "lines FAILED" in capsys.readouterr().out


def test_what_was_kept_goes_on(tmp_path, monkeypatch):
    """A piece that failed is not done, nor is any of another vLLM; one that is named runs again."""
    ran, wrong = [], {"moves"}

    def piece(name):
        async def run(_, piece):
            ran.append(name)
            piece.add(Line("small", "boot", name not in wrong))

        return run

    for name in command.PIECES:
        monkeypatch.setitem(command.PIECES, name, piece(name))
    lab = Lab(tmp_path)

    assert (1, ["boot", "moves", "traffic"]) == (lab.check(), ran)
    wrong.clear()
    assert (0, ["moves"]) == (lab.check(), ran[3:])
    assert (0, ["boot"]) == (lab.check("boot"), ran[4:])
    assert not fresh("0.33.0").found(lab.folder).done("boot")


def test_a_damaged_record_is_named(tmp_path):
    """And left where it is."""
    fresh().file(tmp_path).write_text("{")

    with pytest.raises(CascadeError, match="is no record of gpu_check"):
        fresh().found(tmp_path)


def test_the_page_has_its_place_for_the_table(tmp_path):
    """docs/vram.md has both markers; one without them is named, and stays as it is."""
    page = tmp_path / "page.md"
    page.write_text((ROOT / "docs" / "vram.md").read_text())
    write_table(page, tmp_path)
    assert NOTHING in page.read_text()

    page.write_text("No place.")
    with pytest.raises(CascadeError, match="no place for the table"):
        write_table(page, tmp_path)
    assert "No place." == page.read_text()
