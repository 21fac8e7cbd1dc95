"""Rows with a known truth."""

import numpy as np

from gpu_cascade.calibrate.rows import Opinion, Row, TierAnswer, Token

TOPS = 5


def answer(logprobs, score, engine_s=1.0, text="a", finish="stop", p_true=None, judge_s=0.1, passed=True):
    tokens = tuple(Token(value, (value, *[value - 3.0 - i for i in range(TOPS - 1)])) for value in logprobs)
    heard = {} if p_true is None else {"large": Opinion(p_true, judge_s)}
    return TierAnswer(text, finish, tokens, engine_s, score, 20, passed, heard)


def rows(n, seed=0, sharp=2.0, groups=None, small=0.6, large=0.85, judged=None, labelled=True):
    """A draft's least logprob tells how likely it is right, the sharper the more; `judged`: a judge too."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(n):
        right = rng.random() < small
        worst = -rng.exponential(0.2 if right else 0.2 * (1 + sharp * 4))
        logprobs = [float(round(min(0.0, worst), 4)), *[-0.01] * int(rng.integers(2, 20))]
        better = rng.random() < large
        p_true = None if judged is None else float(np.clip(rng.normal(0.8 if right else 0.2, judged), 0, 1))
        made.append(
            Row(
                f"q{i}",
                [{"role": "user", "content": f"question {i}"}],
                {"max_tokens": 32},
                ["a"] if labelled else None,
                "exact",
                f"doc-{i % groups}" if groups else "",
                {
                    "small": answer(logprobs, float(right), 1.0, "a" if right else "b", p_true=p_true),
                    "large": answer([-0.05], float(better), 6.0, "a" if better else "c"),
                },
            )
        )
    return made
