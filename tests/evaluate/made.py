"""Rows made to measure."""

import numpy as np

from gpu_cascade.calibrate.rows import Opinion, Row, TierAnswer, Token
from gpu_cascade.evaluate.sheet import Sheet

MESSAGES = [{"role": "user", "content": "What is <script>alert('asked')</script>?"}]


def answer(
    score, logprobs=(-0.5,), engine_s=1.0, text="<b>said</b>", finish="stop", judged=None, passed=True
):
    """An answer with those token logprobs, None for an engine that sent none; `judged`: {judge: p}."""
    tokens = None if logprobs is None else tuple(Token(value, (value, value - 1)) for value in logprobs)
    opinions = {name: Opinion(p, 0.1) for name, p in (judged or {}).items()}
    return TierAnswer(text, finish, tokens, engine_s, score, passed=passed, p_true=opinions)


def row(name, group="", **tiers):
    """A question with what each tier answered."""
    return Row(name, MESSAGES, gold=["x"], group=group, tiers=tiers)


def rows(n=200, seed=0, tiers=("small", "large"), right=(0.6, 0.85, 0.9), costs=(1.0, 5.0, 9.0), groups=None):
    """Random rows on which a draft's least logprob says something, and the last tier's opinion more."""
    rng = np.random.default_rng(seed)
    made = []
    for place in range(n):
        answers = {}
        for tier, name in enumerate(tiers):
            score = float(rng.random() < right[tier])
            logprobs = -rng.exponential(0.6 - 0.4 * score, 5) - 1e-5
            judged = {tiers[-1]: float(np.clip(rng.normal(0.2 + 0.6 * score, 0.2), 0, 1))}
            seconds = float(costs[tier] * rng.uniform(0.5, 1.5))
            answers[name] = answer(score, logprobs.tolist(), seconds, judged=judged)
        made.append(row(f"q{place}", "" if groups is None else f"g{place % groups}", **answers))
    return made


def sheet(score, sure, seconds=None, group=None, asked_s=None):
    """A sheet with one score, `only`, besides UCCI's margin (the same)."""
    score, sure = np.asarray(score, float), np.asarray(sure, float)
    n, tiers = score.shape
    seconds = np.tile(10.0 ** np.arange(tiers), (n, 1)) if seconds is None else np.asarray(seconds, float)
    group = np.arange(n) if group is None else np.asarray(group)
    asked_s = np.zeros_like(sure) if asked_s is None else np.asarray(asked_s, float)
    names = ("small", "large") if tiers == 2 else ("small", "middle", "large")
    return Sheet(names, score, seconds, group, {"only": sure, "margin_mean": sure}, asked_s, None, ())
