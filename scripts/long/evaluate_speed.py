"""How long `evaluate` takes on 100,000 rows with 1,000 resamples, and how much memory.

    .venv/bin/python scripts/long/evaluate_speed.py        (two minutes, 2 GB)

The rows are made up: two tiers, ten alternatives per token of the drafts, the last tier's opinion of each
draft, a learned rule and a router. Making them is not counted.
"""

import os
import resource
import time

import numpy as np

from gpu_cascade.calibrate.rows import Opinion, Row, TierAnswer, Token
from gpu_cascade.evaluate.analysis import analyse
from gpu_cascade.evaluate.as_json import to_json
from gpu_cascade.evaluate.report import render

ROWS, RESAMPLES, TOKENS, TOPS = 100_000, 1000, 12, 10
MESSAGES = [{"role": "user", "content": "?"}]


def main() -> None:
    made = rows(np.random.default_rng(0))
    handed = np.random.default_rng(1).random(ROWS)
    print(f"{ROWS} rows, {peak_gib():.1f} GiB, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    begun, used = time.monotonic(), time.process_time()
    analysis = analyse(
        made,
        ("small", "large"),
        signal="logprob_quantile",
        judge="large",
        learned={"small": handed},
        router=handed,
        resamples=RESAMPLES,
    )
    page, scores = render(analysis), len(to_json(analysis)["nauc_df"])
    taken, used = time.monotonic() - begun, time.process_time() - used
    print(f"{RESAMPLES} resamples, {scores} scores, a page of {len(page) / 1024:.0f} KiB: {taken:.1f} s")
    print(f"{used:.1f} s of processor time, {peak_gib():.1f} GiB at most, load {os.getloadavg()[0]:.1f}")


def rows(rng: np.random.Generator) -> list[Row]:
    return [
        Row(f"q{place}", MESSAGES, tiers={"small": draft(rng), "large": answer(rng, 0.85, 5.0)})
        for place in range(ROWS)
    ]


def draft(rng: np.random.Generator) -> TierAnswer:
    """An answer whose tokens are the less sure the wronger it is."""
    score = float(rng.random() < 0.6)
    tops = np.sort(-rng.exponential(1.5 - score, (TOKENS, TOPS)) - 1e-5)[:, ::-1].tolist()
    opinion = Opinion(float(np.clip(rng.normal(0.3 + 0.4 * score, 0.2), 0, 1)), 0.1)
    tokens = tuple(Token(top[0], tuple(top)) for top in tops)
    return TierAnswer("x", "stop", tokens, float(rng.uniform(0.5, 1.5)), score, p_true={"large": opinion})


def answer(rng: np.random.Generator, right: float, seconds: float) -> TierAnswer:
    score = float(rng.random() < right)
    return TierAnswer("x", "stop", None, float(seconds * rng.uniform(0.5, 1.5)), score)


def peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
