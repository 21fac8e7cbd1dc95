"""The main job on real input: pull two models, serve them as a cascade, ask twelve questions, show why."""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from gpu_cascade.config import Config, load
from gpu_cascade.errors import CascadeError
from gpu_cascade.running import find
from gpu_cascade.running import stop as stop_serving

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "examples" / "cpu" / "models.yaml"
COMMAND = Path(sys.executable).parent / "gpu-cascade"
AT_ONCE = 4  # questions under way: batching is what engines are good at
BOOT_S = 600
WIDTH = 120  # where there is no terminal to measure

QUESTIONS = (
    "What is the capital of France? Answer in one short sentence.",
    "What is the capital of Japan?",
    "What is the chemical symbol for water?",
    "What is the opposite of hot? Answer in one word.",
    "Is this review positive or negative: 'The room was dirty and the staff was rude.' Answer with one word.",
    "What color is the sky on a clear day? Answer in one short sentence.",
    "Name the largest planet in our solar system.",
    "Translate 'good morning' into Spanish. Answer with the translation only.",
    "What is 17 * 23? Answer with the number only.",
    "Write a Python expression that reverses the string s. Answer with the expression only.",
    "Which HTTP status code means 'not found'? Answer with the number only.",
    "Write a SQL query that counts the rows of a table named orders. Answer with the query only.",
)


@dataclass
class Row:
    """One question and its answer."""

    question: str
    answer: str
    cascade: dict[str, Any]
    tokens: int
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the gateway running at the end")
    parser.add_argument("--json", action="store_true", help="print the answers as JSON instead of a table")
    args = parser.parse_args()
    console = Console(stderr=args.json, width=None if sys.stdout.isatty() else WIDTH)
    try:
        return demo(console, keep=args.keep, as_json=args.json)
    except CascadeError as error:
        console.print(f"[red]{error.message}[/red]", highlight=False)
        return error.exit_code


def demo(console: Console, *, keep: bool, as_json: bool) -> int:
    subprocess.run([COMMAND, "models", "pull"], check=True, stdout=sys.stderr if as_json else None)
    config = load(CONFIG)
    log = config.state_dir / "logs" / "serve.log"
    with serving(console, config, log, keep=keep) as url:
        rows = ask_all(console, url)
        if as_json:
            print(json.dumps([vars(row) for row in rows]))
        else:
            console.print(table(rows))
        console.print(summary(rows), highlight=False)
        places = f"log: {shown(log)}\ndecisions: {shown(config.traces_path)}"
        console.print(places, highlight=False, soft_wrap=True)
        why = f"why: {shown(COMMAND)} why {rows[-1].cascade['id']} --config {shown(CONFIG)}"
        console.print(why, highlight=False, soft_wrap=True)
        if keep:
            console.print(kept(url), highlight=False, soft_wrap=True)
    return 0


@contextlib.contextmanager
def serving(console: Console, config: Config, log: Path, *, keep: bool) -> Iterator[str]:
    """A gateway over the demo pair, ready to answer; stopped with everything it started unless kept."""
    log.parent.mkdir(parents=True, exist_ok=True)
    argv = [COMMAND, "serve", "--config", str(CONFIG), "--port", "8000" if keep else "0"]
    with log.open("ab") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=output, start_new_session=True)
    try:
        yield wait_ready(console, config, process, log)
    except BaseException:
        keep = False
        raise
    finally:
        if not keep and process.poll() is None:
            stop_serving(config.state_dir)
            process.wait(timeout=60)


def wait_ready(console: Console, config: Config, process: subprocess.Popen[bytes], log: Path) -> str:
    """The gateway's address, once every engine answers; a bar shows how far that is."""
    start = time.monotonic()
    with bars(console) as progress:
        task = progress.add_task("starting two vLLM engines", total=len(config.engines))
        while time.monotonic() - start < BOOT_S:
            if process.poll() is not None:
                raise CascadeError(f"serve ended with exit code {process.returncode}:\n{tail(log)}")
            running = find(config.state_dir)
            if running and running.pid == process.pid and running.url:
                missing = waiting_for(running.url)
                progress.update(task, completed=len(config.engines) - len(missing))
                if not missing:
                    return running.url
            time.sleep(0.25)
    raise CascadeError(f"the engines were not ready after {BOOT_S} s; see {log}")


def waiting_for(url: str) -> list[str]:
    """What /readyz still misses."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as response:
            body = response.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    return list(json.loads(body)["missing"])


def ask_all(console: Console, url: str) -> list[Row]:
    """Every question through the official client, a few at a time."""

    async def run() -> list[Row]:
        places = asyncio.Semaphore(AT_ONCE)
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
            with bars(console) as progress:
                task = progress.add_task("asking", total=len(QUESTIONS))

                async def one(question: str) -> Row:
                    async with places:
                        row = await ask(client, question)
                    progress.advance(task)
                    return row

                return list(await asyncio.gather(*(one(question) for question in QUESTIONS)))

    return asyncio.run(run())


async def ask(client: openai.AsyncOpenAI, question: str) -> Row:
    start = time.monotonic()
    messages = [{"role": "user", "content": question}]
    answer: Any = await client.chat.completions.create(model="cascade", messages=messages, max_tokens=48)  # type: ignore[arg-type]
    seconds = time.monotonic() - start
    text = answer.choices[0].message.content or ""
    return Row(question, text, answer.cascade, answer.usage.completion_tokens, round(seconds, 2))


def table(rows: list[Row]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, expand=True, padding=(0, 1, 0, 0), show_edge=False)
    for name, share in (("question", 5), ("answer", 4)):
        shown.add_column(name, overflow="ellipsis", no_wrap=True, ratio=share)
    for name in ("tier", "verdict", "reason"):
        shown.add_column(name, no_wrap=True)
    for name in ("confidence", "tokens", "time"):
        shown.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        seen = row.cascade
        confidence = "-" if seen["confidence"] is None else f"{seen['confidence']:.2f}"
        words = (row.question, " ".join(row.answer.split()), seen["tier"], seen["verdict"], seen["reason"])
        shown.add_row(*words, confidence, str(row.tokens), f"{row.seconds:.1f} s")
    return shown


def summary(rows: list[Row]) -> str:
    verdicts = Counter(row.cascade["verdict"] for row in rows)
    spent: Counter[str] = Counter()
    for row in rows:
        for use in row.cascade["uses"]:
            spent[use["engine"]] += use["engine_s"]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    seconds = ", ".join(f"{engine} {total:.1f}" for engine, total in spent.items())
    return f"{len(rows)} questions: {counts}. Engine-seconds: {seconds}."


def kept(url: str) -> str:
    body = '{"model": "cascade", "messages": [{"role": "user", "content": "What is the capital of Italy?"}]}'
    ask_again = f"curl -s {url}/v1/chat/completions -H 'content-type: application/json' -d '{body}'"
    return (
        f"still serving; ask with\n  {ask_again}\nstop with\n  {shown(COMMAND)} stop --config {shown(CONFIG)}"
    )


def shown(path: Path) -> str:
    """As short as it can be typed from here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def bars(console: Console) -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console)


def tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
