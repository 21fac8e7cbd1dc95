"""The house stands as ARCHITECTURE.md draws it: imports go down, and nothing goes in circles."""

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "gpu_cascade"
LONGEST = 300
HEAVY = {"torch", "transformers", "vllm", "sklearn", "scipy", "numpy", "matplotlib"}

# Each part's floor; the table in ARCHITECTURE.md says the same (tested below).
FLOORS = {
    "types": 0,
    "errors": 0,
    "locks": 0,
    "config": 1,
    "events": 1,
    "database": 1,
    "engines": 2,
    "models": 2,
    "running": 2,
    "traces": 2,
    "cascade": 3,
    "embedding": 3,
    "governance": 3,
    "vram": 3,
    "metrics": 3,
    "recent": 3,
    "gateway": 5,
    "wiring": 6,
    "calibration": 7,
    "top": 7,
    "planning": 7,
    "simulation": 7,
    "calibrate": 4,
    "policy_qa": 4,
    "monitor": 4,
    "launch": 4,
    "staging": 5,
    "evaluate": 5,
    "logs": 5,
    "doctor": 6,
    "talk": 6,
    "workers": 5,
    "screen": 6,
    "cli": 8,
}


def modules():
    """Every module of the package: its path from the package root, and its file."""
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        yield parts[:-1] if parts[-1] == "__init__" else parts, file


def imports(place, file):
    """What a module imports of ours: lazy and TYPE_CHECKING imports too."""
    package = place if file.name == "__init__.py" else place[:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            start = package[: len(package) - node.level + 1]
            base = (*start, *(node.module.split(".") if node.module else ()))
            for name in node.names:
                yield _module((*base, name.name))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gpu_cascade"):
            for name in node.names:
                yield _module((*node.module.split(".")[1:], name.name))
        elif isinstance(node, ast.Import):
            for name in node.names:
                if name.name.startswith("gpu_cascade"):
                    yield _module(tuple(name.name.split(".")[1:]))


def _module(parts):
    """The module that `parts` lies in: the last part may be a name inside one."""
    path = PACKAGE.joinpath(*parts)
    return parts if path.with_suffix(".py").exists() or path.is_dir() else parts[:-1]


def test_imports_go_down():
    """A file imports from its own part or from a lower floor, never sideways or up."""
    wrong = []
    for place, file in modules():
        for target in imports(place, file):
            if not place or not target or target[0] == place[0]:
                continue
            if FLOORS[target[0]] >= FLOORS[place[0]]:
                wrong.append(f"{'/'.join(place)} imports {'/'.join(target)}")
    assert [] == wrong


def test_every_part_has_its_floor():
    """A new part is drawn before it is built, and a part that went is erased."""
    parts = {place[0] for place, _ in modules() if place}

    assert set(FLOORS) == parts


def test_the_drawing_says_the_same():
    """The floors of ARCHITECTURE.md are these."""
    rows = re.findall(r"^\| (\d) \| (.+?) \|", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    drawn = {
        name.removesuffix("/").removesuffix(".py"): int(floor)
        for floor, cell in rows
        for name in re.findall(r"`([\w/]+(?:\.py)?)`", cell)
    }

    assert FLOORS == drawn


def test_nothing_goes_in_circles():
    """No import cycle between modules, lazy imports counted."""
    graph = {place: {t for t in imports(place, file) if t not in ((), place)} for place, file in modules()}

    list(graphlib.TopologicalSorter(graph).static_order())


def test_files_are_short():
    """Over 300 lines there is a second room in it."""
    long = {
        str(file.relative_to(ROOT)): count
        for folder in ("gpu_cascade", "scripts")
        for file in (ROOT / folder).rglob("*.py")
        if (count := len(file.read_text().splitlines())) > LONGEST
    }

    assert {} == long


def test_heavy_packages_stay_out():
    """Neither torch nor numpy is imported by what serves requests; engines are processes of their own."""
    found = {}
    for place, file in modules():
        if place[:1] in {("calibrate",), ("evaluate",)}:  # they compute on files
            continue
        for node in ast.parse(file.read_text()).body:  # at the top level: what an import of the module costs
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if hit := {name.split(".")[0] for name in names} & HEAVY:
                found["/".join(place)] = hit
    assert {} == found


def test_serving_loads_none_of_them():
    """All that `serve` imports, calibrations included, leaves numpy and scikit-learn on the disk."""
    code = f"import gpu_cascade.wiring.worker, sys; print(sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == done.stdout.strip()
