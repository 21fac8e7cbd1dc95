"""The command: which pieces, on which GPU, kept where."""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

from gpu_cascade import __version__
from gpu_cascade.engines.vllm_build import Build, installed
from gpu_cascade.errors import CascadeError, ConfigError, Unavailable
from gpu_cascade.staging.stage import staged
from gpu_cascade.vram.gpu.nvml import VISIBLE, NvmlProbe, list_gpus
from gpu_cascade.vram.gpu.reading import Device

from .pieces import PIECES, Bed, measured
from .record import Record, write_table
from .shapes import SHAPES, pair, tokenizer_folder

ROOT = Path(__file__).parents[2]
RECORDS, PAGE = ROOT / "benchmarks" / "gpu", ROOT / "docs" / "vram.md"
NOT_DONE = (
    "sleep level 2: random weights are read from no file, its wake would time nothing",
    "what engines say: their weights are random",
    "more than one GPU",
)


def main(argv: Sequence[str] | None = None) -> int:
    """0: all is as planned; 1: a line failed; 2, 3, 4 as `gpu-cascade`; 130: broken off."""
    parser = argparse.ArgumentParser(
        prog="scripts/gpu_check", description="The plan held against a real GPU."
    )
    parser.add_argument("--piece", choices=PIECES, help="this one alone, even where it is done")
    parser.add_argument("--list", action="store_true", help="what the pieces are")
    parser.add_argument("--tokenizer", type=Path, help="a folder with tokenizer.json, else a pulled model's")
    args = parser.parse_args(argv)
    if args.list:
        print("\n".join(f"{name:8} {piece.__doc__}" for name, piece in PIECES.items()))
        return 0
    try:
        gpu, build = first_gpu(), gpu_build()
        bed = partial(real_bed, gpu, build, tokenizer_folder(args.tokenizer))
        today = f"{datetime.now().astimezone():%Y-%m-%d}"
        record = Record(gpu.name, gpu.total_bytes, today, build.version, __version__)
        return check(record, args.piece, bed, RECORDS, PAGE)
    except CascadeError as error:
        print(error.message)
        return error.exit_code
    except KeyboardInterrupt:
        print("broken off; the pieces that were done are kept")
        return 130


def check(
    record: Record,
    only: str | None,
    bed_of: Callable[[], AbstractContextManager[Bed]],
    folder: Path,
    page: Path,
) -> int:
    """Run `only`, or every piece that is not done; each is kept at once. 1 where a line of any failed."""
    record = record.found(folder)
    for name in [only] if only else [one for one in PIECES if not record.done(one)]:
        print(f"{name}: {PIECES[name].__doc__}", flush=True)
        with bed_of() as bed:
            record.models = {each: Path(str(one.model)).name for each, one in bed.config.engines.items()}
            record.not_done = list(bed.not_done)
            record.pieces[name] = asyncio.run(measured(name, bed))
        record.keep(folder)
        write_table(page, folder)
    print(f"{'all is as planned' if record.right else 'lines FAILED'}: {record.file(folder)}")
    return 0 if record.right else 1


def first_gpu() -> Device:
    """The only one that is used from now on; raises `Unavailable` where there is none."""
    gpus = list_gpus()
    if not gpus:
        raise Unavailable(
            "no NVIDIA GPU is found here, so nothing was measured; `gpu-cascade doctor` says more"
        )
    os.environ[VISIBLE] = gpus[0].uuid
    return gpus[0]


def gpu_build() -> Build:
    """The vLLM that is here; raises `ConfigError` where it computes on the processor."""
    build = installed()
    if build.cpu:
        raise ConfigError(
            f"vLLM {build.version} computes on the processor; GPU_CASCADE_DEVICE=cuda scripts/setup installs "
            "the build for GPUs"
        )
    return build


@contextmanager
def real_bed(gpu: Device, build: Build, tokenizer: Path) -> Iterator[Bed]:
    """Shapes and state in a folder that goes at the end."""
    os.environ.pop("GPU_CASCADE_STATE", None)  # what random weights took is nothing to remember
    with tempfile.TemporaryDirectory() as folder, closing(NvmlProbe(gpu.uuid)) as probe:
        config = pair(Path(folder), tokenizer, build)
        large = Path(str(config.engines["large"].model)).name
        larger = [name for name in SHAPES[1:] if SHAPES.index(name) < SHAPES.index(large)]
        not_done = (*NOT_DONE, *(f"{name}, which does not fit beside a sleeper here" for name in larger))
        yield Bed(config, partial(staged, config), probe, not_done)
