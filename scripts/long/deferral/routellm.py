"""RouteLLM's paired outcomes as flags: which of two models was right on each question of MMLU and GSM8K.

    .venv/bin/python scripts/long/deferral/routellm.py --data FOLDER

FOLDER/routellm holds the published files. Questions on their lists of contaminated prompts are left out, as
RouteLLM's own evaluation does. Writes benchmarks/deferral/routellm.csv; no text of a question goes into it.
"""

import argparse
import csv
import json
from collections.abc import Iterator
from pathlib import Path

from recorded import FOLDER

WEAK, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
HEAD = ("dataset", "weak", "strong")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder with the published data sets")
    rows = list(flags(parser.parse_args().data / "routellm"))
    with (FOLDER / "routellm.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEAD, *rows])
    print(f"{len(rows):,} questions")


def flags(folder: Path) -> Iterator[tuple[str, int, int]]:
    """(dataset, weak right, strong right) of each question, in the order of the files."""
    for name, files in (
        ("mmlu", sorted((folder / "mmlu_responses").glob("*.csv"))),
        ("gsm8k", [folder / "gsm8k_responses.csv"]),
    ):
        seen_before = contaminated(folder / f"{name}_contaminated_prompts.jsonl")
        for path in files:
            with path.open(newline="") as file:
                for row in csv.DictReader(file):
                    if row["prompt"] not in seen_before:
                        yield name, int(row[WEAK] == "True"), int(row[STRONG] == "True")


def contaminated(path: Path) -> set[str]:
    """The prompts that RouteLLM's routers may have been trained on."""
    return {json.loads(line)["eval_prompt"] for line in path.read_text().splitlines() if line.strip()}


if __name__ == "__main__":
    main()
