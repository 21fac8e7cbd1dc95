"""Requests of the older kind: a prompt, and the text that follows it."""

from .asking import Body, raw
from .sampled import BERLIN, DOT, PARIS
from .shaped import CITY

TALE = "Once upon a time there was a dragon who"


def texts() -> dict[str, Body]:
    """Everything that is not about chats."""
    return {
        "prompt": raw(),
        "prompt of a tale": raw(TALE, max_tokens=32),
        "prompt, default length": {"model": "small", "prompt": TALE, "temperature": 0},
        "prompt, user": raw(user="ann"),
        "prompt, temperature": raw(TALE, temperature=0.9, top_p=0.9, top_k=20, min_p=0.05, seed=3),
        "prompt, hot": raw(TALE, temperature=2, seed=4),
        "prompt, logprobs of none": raw(logprobs=0),
        "prompt, logprobs of one": raw(logprobs=1),
        "prompt, logprobs of five": raw(TALE, logprobs=5),
        "prompt, logprobs of twenty": raw(logprobs=20, max_tokens=6),
        "prompt, logprobs of sampled tokens": raw(TALE, logprobs=2, temperature=1.5, seed=1),
        "prompt, logprobs and stop": raw(TALE, logprobs=1, stop=["."], include_stop_str_in_output=True),
        "prompt, logprobs of emoji": raw("🐉🐱🐉🐱🐉🐱", logprobs=1, max_tokens=24),
        "prompt, two choices": raw(TALE, n=2, temperature=1, seed=5),
        "prompt, choices with logprobs": raw(TALE, n=3, temperature=1, seed=5, logprobs=1, max_tokens=8),
        "prompt, stop": raw(TALE, stop=[" a", ","]),
        "prompt, stop_token_ids": raw(stop_token_ids=[PARIS, DOT]),
        "prompt, min_tokens and ignore_eos": raw(min_tokens=4, ignore_eos=True),
        "prompt, penalties": raw(TALE, frequency_penalty=0.5, presence_penalty=0.5, repetition_penalty=1.2),
        "prompt, logit_bias": raw(logit_bias={str(BERLIN): 100}, max_tokens=3),
        "prompt, bad_words": raw(bad_words=["Paris", " Paris"]),
        "prompt, choice": raw(structured_outputs={"choice": [" Paris", " Oslo"]}),
        "prompt, regex": raw(structured_outputs={"regex": " [A-Z][a-z]+\\."}),
        "prompt, json": raw("JSON about Paris: ", structured_outputs={"json": CITY}, max_tokens=24),
        "prompt, special tokens": raw("<|im_start|>user\nHi<|im_end|>\n", skip_special_tokens=False),
        "prompt, special tokens not added": raw(
            add_special_tokens=False, spaces_between_special_tokens=False
        ),
        "prompt, cut": raw(TALE * 6, truncate_prompt_tokens=10, truncation_side="left"),
        "prompt, cache_salt": raw(cache_salt="pepper"),
        "prompt, Chinese": raw("法国的首都是", max_tokens=24),
        "prompt, long": raw("word and another thing " * 160),
    }
