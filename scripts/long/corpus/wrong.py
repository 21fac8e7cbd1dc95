"""Requests that are refused: by the engine, or by the gateway before it is asked."""

from collections.abc import Iterator

from .asking import Body, chat, path_of, raw, said, turns
from .pair import Asked
from .shaped import WEATHER, tool


def by_the_engine() -> Iterator[Asked]:
    """The client gets the engine's status, its sentence and its parameter."""
    for name, body in {**_chats(), **_raws()}.items():
        yield Asked(name, path_of(body), body)
        if "long" in name:
            yield Asked(f"{name}, streamed", path_of(body), {**body, "stream": True})


def by_the_gateway() -> Iterator[Asked]:
    """Fields that are not taken, whatever the engine says of them, and values out of bounds."""
    for param, value in _NOT_TAKEN.items():
        yield Asked(f"refused: {param}", path_of(chat()), chat(**{param: value}), param)
    for param, value in _NOT_TAKEN_RAW.items():
        body = raw(**{param: value})
        yield Asked(f"refused of a prompt: {param}", path_of(body), body, param)


_NOT_TAKEN: Body = {
    "guided_json": {"type": "boolean"},
    "guided_regex": "[a-z]+",
    "guided_choice": ["yes", "no"],
    "guided_grammar": 'root ::= "a"',
    "echo": True,
    "prompt_logprobs": 1,
    "priority": 1,
    "request_id": "mine",
    "return_token_ids": True,
    "include_reasoning": False,
    "allowed_token_ids": [1, 2],
    "use_beam_search": True,
    "chat_template": "{{ 1 }}",
    "functions": [{"name": "weather"}],
    "unheard_of": 1,
    "temperature": -1,
    "top_p": 0,
    "n": 0,
    "top_logprobs": 3,
    "tool_choice": "auto",
    "stream_options": {"include_usage": True},
}
_NOT_TAKEN_RAW: Body = {"echo": True, "best_of": 2, "suffix": "end", "prompt": ["a", "b"], "logprobs": 21}


def _chats() -> dict[str, Body]:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    return {
        "too long": chat("word and another thing " * 600),
        "too long with its answer": chat(max_tokens=2000),
        "min_tokens over max_tokens": chat(min_tokens=20),
        "choices that are all the same": chat(n=2),
        "an empty stop": chat(stop=["a", ""]),
        "logit_bias of no token": chat(logit_bias={"999999": 1}),
        "a bad regex": chat(structured_outputs={"regex": "[a-"}),
        "a bad grammar": chat(structured_outputs={"grammar": "root ::= ("}),
        "a bad schema": chat(structured_outputs={"json": {"type": "nothing"}}),
        "a schema that is no JSON": chat(structured_outputs={"json": "{"}),
        "two grammars": chat(structured_outputs={"regex": "a", "choice": ["a"]}),
        "an image for a model that cannot see": chat([{"type": "text", "text": "What?"}, image]),
        "both ends": turns(said("Hi"), continue_final_message=True, add_generation_prompt=True),
        "a prompt cut longer than it may be": chat(truncate_prompt_tokens=5000),
        "a tool whose schema is wrong": chat(
            tools=[tool({**WEATHER, "parameters": {"type": "nothing"}})], tool_choice="required"
        ),
    }


def _raws() -> dict[str, Body]:
    return {
        "prompt, too long": raw("word and another thing " * 600),
        "prompt, too long with its answer": raw(max_tokens=2000),
        "prompt, choices that are all the same": raw(n=2),
        "prompt, logit_bias of no token": raw(logit_bias={"999999": 1}),
        "prompt, a bad regex": raw(structured_outputs={"regex": "[a-"}),
    }
