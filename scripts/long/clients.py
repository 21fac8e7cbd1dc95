"""Clients that are tried against the gateway: where each runs, and what docs/clients.md says to type.

    .venv/bin/python scripts/long/clients.py lm-eval > benchmarks/clients/lm-eval.txt

(or vllm-bench) runs that heading's command against `gpu-cascade serve` with scripted engines, or
against the gateway at `--url`; prints its output and what the gateway counted. It installs first: minutes.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from environments import node, python  # noqa: E402 - the folder is no package

from gpu_cascade.errors import CascadeError, Unavailable  # noqa: E402
from gpu_cascade.models.store import cache_dir  # noqa: E402
from tests.clients.served import scripted  # noqa: E402

PINS, PAGE = ROOT / "requirements" / "clients", ROOT / "docs" / "clients.md"
WRITTEN = "http://127.0.0.1:8000"  # the address in the page
RUNS = {"python": ("python", "-"), "js": ("node", "--input-type=module", "-"), "bash": ("bash", "-e")}
LONG = ("lm-eval", "vllm-bench")
LONGEST_S = 3000


@dataclass(frozen=True, slots=True)
class Client:
    """Where a client's programs lie, and where it is run."""

    programs: Path
    folder: Path = ROOT

    def run(
        self, language: str, code: str, timeout_s: float, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the code, with these variables too."""
        path = f"{self.programs}:{os.environ['PATH']}"
        return subprocess.run(
            RUNS[language],
            input=code,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env={**os.environ, "PATH": path, **environ},
            timeout=timeout_s,
        )


def client(name: str) -> Client:
    """In an environment of its own where it has pins, else in ours; `Unavailable` where it cannot be made."""
    folder = cache_dir() / "clients" / name
    if (package := PINS / name).is_dir():
        made_of = [(package / file).read_text() for file in ("package.json", "package-lock.json")]
        return Client(programs := node(folder, *made_of), programs)
    if (pins := PINS / f"{name}.txt").is_file():
        return Client(python(folder, pins.read_text()))
    return Client(Path(sys.executable).parent)


def snippet(name: str, url: str) -> tuple[str, str]:
    """The language and the code under that heading of the page, for the gateway at `url`."""
    section = PAGE.read_text().split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]
    language, code = re.search(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL).groups()
    return language, code.replace(WRITTEN, url)


def main() -> int:
    """0, or the error's exit code."""
    parser = argparse.ArgumentParser(description="Try a client against a gateway.")
    parser.add_argument("name", choices=LONG)
    parser.add_argument("--url", help="of a gateway that runs already")
    args = parser.parse_args()
    try:
        one = client(args.name)
        with at(args.url) as url:
            tell(args.name, one, url)
    except CascadeError as error:
        print(error.message)
        return error.exit_code
    return 0


@contextmanager
def at(url: str | None) -> Iterator[str]:
    """That gateway, or one with scripted engines for as long as this lasts."""
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        served = scripted(Path(folder))
        try:
            yield served.url
        finally:
            served.stop()


def tell(name: str, one: Client, url: str) -> None:
    """Print the command, what it printed, and what the gateway answered; `Unavailable` where it failed."""
    language, code = snippet(name, url)
    ended = one.run(language, code, LONGEST_S)
    shown = f"{code}\n{ended.stdout.strip()}\n"
    print(shown.replace(url, WRITTEN).replace(str(Path.home()), "~"))
    with urllib.request.urlopen(f"{url}/metrics") as response:
        lines = response.read().decode().splitlines()
    print("\n".join(line for line in lines if re.match(r"gpu_cascade_(requests|failures)_total", line)))
    if ended.returncode:
        print(ended.stderr[-2000:], file=sys.stderr)
        raise Unavailable(f"{name} ended with {ended.returncode}: what it said last stands above")


if __name__ == "__main__":
    sys.exit(main())
