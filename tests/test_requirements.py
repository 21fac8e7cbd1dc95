"""What gets installed: pinned, with hashes, the same on every machine, and enough."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FILES = ("build", "cpu", "cuda", "dev")
BROKEN_BESIDE_CPU_TORCH = {"torchvision", "torchaudio", "torchcodec"}


def pins(name):
    """Package to its requirements (one per marker) and the number of hashes of each."""
    found = {}
    text = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ")
    for line in filter(None, map(str.strip, text.splitlines())):
        requirement, *hashes = re.split(r"\s+--hash=", line)
        parsed = Requirement(requirement)
        found.setdefault(canonicalize_name(parsed.name), []).append((parsed, hashes))
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_line_is_a_version_with_hashes(name):
    """Exact versions, each with its SHA-256s; no option, no address: where from is the machine's business."""
    for entries in pins(name).values():
        for requirement, hashes in entries:
            assert re.fullmatch(r"==[\w.+!]+", str(requirement.specifier)), requirement
            assert requirement.url is None
            assert hashes
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes)
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_what_the_project_asks_for_is_pinned(name):
    """Each dependency of pyproject.toml and of the extra is there in a version that it allows."""
    found = pins(name)
    for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"][name]:
        wanted = Requirement(line)
        entries = found[canonicalize_name(wanted.name)]
        versions = [str(requirement.specifier).removeprefix("==") for requirement, _ in entries]
        assert all(wanted.specifier.contains(version, prereleases=True) for version in versions), line


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_wheels_that_break_torch_stay_out(name):
    """torchvision and the like are CUDA builds that break `import transformers` beside the CPU build."""
    assert not BROKEN_BESIDE_CPU_TORCH & set(pins(name))


def test_tools_change_nothing_that_serves():
    """dev.txt is installed over cpu.txt or cuda.txt and must not move a version that either pins."""
    dev = pins("dev")
    for name in ("cpu", "cuda"):
        pinned = pins(name)
        for package in dev.keys() & pinned.keys():
            assert dev[package][0][0].specifier == pinned[package][0][0].specifier


def test_tools_are_complete():
    """Everything of the extra `dev` is in dev.txt, or in both files that it is installed over."""
    found = set(pins("dev")) | (set(pins("cpu")) & set(pins("cuda")))

    assert {canonicalize_name(Requirement(x).name) for x in PROJECT["optional-dependencies"]["dev"]} <= found


def test_cpu_torch_has_a_hash_for_every_python():
    """The resolver knows only the wheels of the index it had; scripts/lock adds the others."""
    lines = (ROOT / "requirements" / "torch-cpu.sha256").read_text().split("\n")
    known = {f"sha256:{line.split()[0]}": line.split()[1] for line in filter(None, lines)}
    ((torch, hashes),) = pins("cpu")["torch"]

    assert set(known) <= set(hashes)
    assert all(str(torch.specifier).removeprefix("==") in wheel for wheel in known.values())
    for minor in (11, 12, 13):
        assert f"Programming Language :: Python :: 3.{minor}" in PROJECT["classifiers"]
        assert any(f"-cp3{minor}-cp3{minor}-" in wheel for wheel in known.values())


def test_setup_can_build_the_project():
    """uv installs, hatchling and editables make the editable package: all three without an index."""
    assert {"uv", "hatchling", "editables"} <= set(pins("build"))
