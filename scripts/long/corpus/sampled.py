"""Requests about sampling, lengths, stops, choices and log-probabilities."""

from .asking import Body, chat

STORY = "Tell me a story about a dragon and a small cat."
COUNT = "Count from one to ten."
PARIS, BERLIN, DOT = 7042, 11452, 30  # tokens of SmolLM2


def sampling() -> dict[str, Body]:
    """A seed wherever the answer would be anybody's guess."""
    return {
        "plain": chat(),
        "temperature": chat(STORY, temperature=0.7, seed=1),
        "temperature of one": chat(STORY, temperature=1, seed=7),
        "hot": chat(STORY, temperature=2, seed=3),
        "seed of a negative number": chat(STORY, temperature=0.9, seed=-5),
        "top_p": chat(STORY, temperature=1, top_p=0.5, seed=2),
        "top_k": chat(STORY, temperature=1, top_k=5, seed=2),
        "top_k off": chat(STORY, temperature=1, top_k=-1, seed=4),
        "min_p": chat(STORY, temperature=1.2, min_p=0.1, seed=2),
        "all of them": chat(STORY, temperature=0.8, top_p=0.9, top_k=40, min_p=0.02, seed=11),
        "frequency_penalty": chat(COUNT, frequency_penalty=1.5),
        "presence_penalty": chat(COUNT, presence_penalty=-1.0),
        "repetition_penalty": chat(COUNT, repetition_penalty=1.4),
        "all penalties": chat(STORY, frequency_penalty=0.4, presence_penalty=0.6, repetition_penalty=1.1),
        "logit_bias for a token": chat(logit_bias={str(BERLIN): 100}, max_tokens=4),
        "logit_bias against a token": chat(logit_bias={str(PARIS): -100, str(DOT): -3.5}),
        "bad_words": chat(bad_words=["Paris", "France"]),
    }


def lengths() -> dict[str, Body]:
    """How long an answer may and must be."""
    return {
        "one token": chat(max_tokens=1),
        "thirty-two tokens": chat(STORY, max_tokens=32),
        "max_completion_tokens": chat(STORY, max_completion_tokens=5),
        "the newer name wins": chat(STORY, max_tokens=20, max_completion_tokens=7),
        "min_tokens": chat("Say yes.", min_tokens=14),
        "ignore_eos": chat("Say yes.", ignore_eos=True, max_tokens=24),
        "min_tokens and ignore_eos": chat("Say yes.", ignore_eos=True, min_tokens=3, max_tokens=18),
    }


def stops() -> dict[str, Body]:
    """What ends an answer, and what of it is shown."""
    return {
        "stop": chat(stop="Paris"),
        "stop of several": chat(STORY, stop=[" dragon", ".", "cat"]),
        "stop that does not come": chat(stop=["never in this answer"]),
        "stop across tokens": chat(stop="al of Fr"),
        "stop that is shown": chat(stop=[" of"], include_stop_str_in_output=True),
        "stop_token_ids": chat(stop_token_ids=[PARIS]),
        "stop_token_ids shown": chat(stop_token_ids=[DOT, PARIS], include_stop_str_in_output=True),
        "stop after min_tokens": chat(STORY, stop=["a"], min_tokens=6),
        "stop with logprobs": chat(stop="Paris", logprobs=True, top_logprobs=1),
    }


def choices() -> dict[str, Body]:
    """Several answers to one question."""
    return {
        "one choice": chat(n=1),
        "two choices": chat(STORY, n=2, temperature=1, seed=5),
        "three choices": chat(STORY, n=3, temperature=0.8, seed=6, max_tokens=8),
        "choices with logprobs": chat(n=2, temperature=1, seed=5, logprobs=True, top_logprobs=2),
        "choices with stop": chat(STORY, n=2, temperature=0.9, seed=8, stop=["a", "."]),
        "choices of unlike lengths": chat("Say yes.", n=3, temperature=1.5, seed=9, max_tokens=24),
    }


def logprobs() -> dict[str, Body]:
    """The client's own wish."""
    return {
        "logprobs": chat(logprobs=True),
        "logprobs off": chat(logprobs=False),
        "top_logprobs of none": chat(logprobs=True, top_logprobs=0),
        "top_logprobs of one": chat(logprobs=True, top_logprobs=1),
        "top_logprobs of five": chat(STORY, logprobs=True, top_logprobs=5),
        "top_logprobs of twenty": chat(logprobs=True, top_logprobs=20, max_tokens=8),
        "logprobs of sampled tokens": chat(STORY, logprobs=True, top_logprobs=3, temperature=1.5, seed=1),
        "logprobs under penalties": chat(COUNT, logprobs=True, top_logprobs=2, repetition_penalty=1.4),
        "logprobs under a bias": chat(
            logprobs=True, top_logprobs=2, logit_bias={str(BERLIN): 100}, max_tokens=4
        ),
        "logprobs of other scripts": chat(
            "Translate to Chinese: good morning", logprobs=True, top_logprobs=2
        ),
        "logprobs of emoji": chat("Repeat exactly: 🐉🐱 ñ é", logprobs=True, top_logprobs=1, max_tokens=24),
    }
