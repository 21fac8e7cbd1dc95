"""The questions of the record, from the published data sets: each a function from a folder to rows.

Every prompt was written once, before any score was seen, and is the same for every model.
"""

import csv
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gpu_cascade.calibrate.rows import Row

SEED = 20261125  # the order in which questions are drawn
SVEN_CHARACTERS = 1200  # of a function: some 350 tokens, which is a minute of prefill at most


def xquad(data: Path) -> Iterator[Row]:
    """XQuAD, English: 1,190 questions on 240 paragraphs, which come first and so share their prefix."""
    return _squad(data / "xquad_en" / "xquad.en.json", "xquad")


def policyqa(data: Path) -> Iterator[Row]:
    """PolicyQA, dev: questions on paragraphs of privacy policies."""
    return _squad(data / "policyqa" / "dev.json", "policyqa")


def headlines(data: Path) -> Iterator[Row]:
    """FrugalGPT's HEADLINES: whether a headline says that gold goes up, down, stays, or none of these."""
    options = ["up", "down", "neutral", "none"]
    head = (
        "A headline on gold follows. What does it say about the price of gold? "
        "Answer with one word: up, down, neutral (it stays as it is) or none (nothing about the price)."
    )
    with (data / "frugalgpt" / "HEADLINES_train.csv").open(newline="") as file:
        found = [(query, label, number) for query, label, number in csv.reader(file)]
    for query, label, number in _drawn(found):
        text = query.removeprefix("Q: ").removesuffix("A:").strip()
        yield _choice(f"headlines-{number}", f"{head}\n\nHeadline: {text}", options, label.strip())


def clinc(data: Path) -> Iterator[Row]:
    """CLINC150: which of 150 intents a sentence has. The list comes first and is the same for all."""
    found = json.loads((data / "clinc150" / "data_full.json").read_text())["val"]
    options = sorted({intent.replace("_", " ") for _, intent in found})
    head = "Pick the intent of the sentence from this list: " + ", ".join(options) + "."
    for place, (text, intent) in _drawn(list(enumerate(found))):
        prompt = f"{head}\n\nSentence: {text}\nAnswer with the intent only."
        yield _choice(f"clinc-{place}", prompt, options, intent.replace("_", " "))


def gsm8k(data: Path) -> Iterator[Row]:
    """GSM8K, from its training part: the last number of the solution counts."""
    lines = (data / "gsm8k" / "train.jsonl").read_text().splitlines()
    for place, line in _drawn(list(enumerate(lines))):
        task = json.loads(line)
        prompt = f"{task['question']}\n\nSolve it in short steps. End with: The answer is NUMBER."
        gold = task["answer"].rpartition("####")[2].strip()
        yield Row(f"gsm8k-{place}", _user(prompt), {"max_tokens": 256}, [gold], "number")


def sven(data: Path) -> Iterator[Row]:
    """SVEN: is the function vulnerable, or its repaired twin? Both of a pair are one group."""
    found: list[tuple[str, str, str, str]] = []
    for file in sorted((data / "sven" / "train").glob("*.jsonl")):
        for number, line in enumerate(file.read_text().splitlines()):
            pair = json.loads(line)
            for code, label in ((pair["func_src_before"], "yes"), (pair["func_src_after"], "no")):
                found.append((f"sven-{file.stem}-{number}", pair["vul_type"], code, label))
    for group, kind, code, label in _drawn([one for one in found if len(one[2]) <= SVEN_CHARACTERS]):
        prompt = f"```\n{code}\n```\n\nDoes this function have a vulnerability ({kind})? Answer yes or no."
        row = _choice(f"{group}-{label}", prompt, ["yes", "no"], label)
        yield Row(row.id, row.messages, row.params, row.gold, row.scorer, group)


# The order of the record, and how many of each are asked.
SETS: dict[str, tuple[Callable[[Path], Iterator[Row]], int]] = {
    "xquad": (xquad, 1190),
    "headlines": (headlines, 1500),
    "clinc": (clinc, 1500),
    "policyqa": (policyqa, 1000),
    "gsm8k": (gsm8k, 150),
    "sven": (sven, 200),
}


def _squad(path: Path, name: str) -> Iterator[Row]:
    """Paragraphs in drawn order, so that a part of the record stands for the whole; each is one group."""
    documents = json.loads(path.read_text())["data"]
    found = [(i, j, p) for i, document in enumerate(documents) for j, p in enumerate(document["paragraphs"])]
    for document, place, paragraph in _drawn(found):
        for asked in paragraph["qas"]:
            prompt = (
                f"{paragraph['context']}\n\nQuestion: {asked['question']}\n"
                "Answer with a few words copied from the text."
            )
            gold = sorted({answer["text"] for answer in asked["answers"]})
            group = f"{name}-{document}-{place}"
            yield Row(f"{name}-{asked['id']}", _user(prompt), {"max_tokens": 48}, gold, "f1", group)


def _choice(name: str, prompt: str, options: list[str], right: str) -> Row:
    params = {"max_tokens": 16, "structured_outputs": {"choice": options}}
    return Row(name, _user(prompt), params, [right], "choice")


def _user(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def _drawn(found: list[Any]) -> list[Any]:
    return random.Random(SEED).sample(found, len(found))
