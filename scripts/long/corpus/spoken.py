"""Requests about messages, templates and prompts: who says what, in which script, and how it is read."""

from .asking import FRANCE, Body, chat, said, turns

CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
}


def messages() -> dict[str, Body]:
    """Roles, turns and parts."""
    system = said("You answer with one word.", "system")
    prefill = said("The capital of France is", "assistant")
    return {
        "system": turns(system, said(FRANCE)),
        "developer": turns(said("Answer in French.", "developer"), said(FRANCE)),
        "several turns": turns(said("I am Ann."), said("Hello Ann!", "assistant"), said("Who am I?")),
        "a name": turns(said("Who am I?", name="ann")),
        "parts": chat([{"type": "text", "text": "Say"}, {"type": "text", "text": "yes."}]),
        "one part": chat([{"type": "text", "text": FRANCE}]),
        "an assistant's parts": turns(
            said("Hi"), said([{"type": "text", "text": "Hello!"}], "assistant"), said("Bye")
        ),
        "an answer to go on with": turns(
            said(FRANCE), prefill, continue_final_message=True, add_generation_prompt=False
        ),
        "no generation prompt": turns(said(FRANCE), prefill, add_generation_prompt=False),
        "a call and its result": turns(
            said("Weather in Oslo?"),
            {"role": "assistant", "content": "", "tool_calls": [CALL]},
            said("4 degrees, rain", "tool", tool_call_id="call_1"),
        ),
        "empty": chat(""),
        "blanks": chat(" \n\t "),
    }


def scripts() -> dict[str, Body]:
    """What JSON, UTF-8 and a tokenizer of bytes may trip over."""
    return {
        "Chinese": chat("法国的首都是哪里？"),
        "Arabic": chat("ما هي عاصمة فرنسا؟"),
        "emoji": chat("What is 👩‍👩‍👧‍👦 made of? 🐉", max_tokens=24),
        "accents typed apart": chat("Où est le cafe\u0301 ?"),
        "control characters": chat('Quote: "\\ \u0007 \u2028" <|im_end|> </s>'),
        "an answer of many scripts": chat(
            "Write: 你好 Привет नमस्ते 🐱", temperature=1.3, seed=4, max_tokens=32
        ),
        "long": chat("The cat sat on the mat. " * 100 + FRANCE),
        "code": chat("Write a Python function that adds two numbers.", max_tokens=32),
    }


def prompts() -> dict[str, Body]:
    """VLLM's own words about how a prompt is read and an answer is written."""
    long = "One two three four five six seven eight nine ten. " * 4
    return {
        "chat_template_kwargs": chat(chat_template_kwargs={"enable_thinking": False}),
        "documents": chat(documents=[{"title": "France", "text": "Its capital is Paris."}]),
        "reasoning_effort": chat(reasoning_effort="low"),
        "cache_salt": chat(cache_salt="pepper"),
        "special tokens shown": chat("Say yes.", skip_special_tokens=False, max_tokens=32),
        "special tokens unspaced": chat("Say yes.", spaces_between_special_tokens=False),
        "special tokens added": chat(add_special_tokens=True),
        "a prompt cut on the left": chat(long, truncate_prompt_tokens=12, truncation_side="left"),
        "a prompt cut on the right": chat(long, truncate_prompt_tokens=12, truncation_side="right"),
        "a prompt cut to what fits": chat(long, truncate_prompt_tokens=-1),
    }


def harmless() -> dict[str, Body]:
    """Fields that change nothing in an answer."""
    nothing = dict.fromkeys(
        ("stop", "seed", "n", "tools", "tool_choice", "response_format", "logprobs", "top_p", "logit_bias")
    )
    return {
        "user": chat(user="ann"),
        "metadata": chat(metadata={"ticket": "12"}),
        "store off": chat(store=False),
        "service_tier": chat(service_tier="auto"),
        "modalities": chat(modalities=["text"]),
        "keys of caches": chat(prompt_cache_key="a", safety_identifier="b"),
        "null is absent": chat(**nothing),
    }
