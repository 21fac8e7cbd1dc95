"""What is sent to engines, read by vLLM's own types: no engine is started, but importing them takes long."""

from pathlib import Path

import msgspec
import pytest

from gpu_cascade.engines.openai_http import Address, OpenAIHttp
from gpu_cascade.engines.wire import ENGINE_PARAMS

from .spoken_to import ask

# torch warns while it is imported, and every warning is an error here
pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
PLACE = {"type": "object", "properties": {"city": {"type": "string"}}}
CHAT = {
    "add_generation_prompt": False,
    "chat_template_kwargs": {"enable_thinking": False},
    "continue_final_message": True,
    "documents": [{"title": "a", "text": "b"}],
    "max_completion_tokens": 9,
    "parallel_tool_calls": False,
    "reasoning_effort": "low",
    "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": PLACE}},
    "tool_choice": {"type": "function", "function": {"name": "find"}},
    "tools": [TOOL],
}
BOTH = {
    "add_special_tokens": True,
    "bad_words": ["x"],
    "cache_salt": "salt",
    "frequency_penalty": 0.1,
    "ignore_eos": True,
    "include_stop_str_in_output": True,
    "logit_bias": {"5": 1.0},
    "max_tokens": 9,
    "min_p": 0.1,
    "min_tokens": 1,
    "n": 2,
    "presence_penalty": 0.1,
    "repetition_penalty": 1.1,
    "seed": 1,
    "skip_special_tokens": True,
    "spaces_between_special_tokens": True,
    "stop": ["a"],
    "stop_token_ids": [3],
    "structured_outputs": {"json": PLACE},
    "temperature": 0.5,
    "thinking_token_budget": 4,
    "top_k": 3,
    "top_p": 0.5,
    "truncate_prompt_tokens": 5,
    "truncation_side": "left",
}


def sent(request):
    engine = OpenAIHttp("small", Address("http://engine/v1", "small", Path("small.sock"), ranks=True))
    return msgspec.json.decode(engine._body(request, stream=True))


def test_vllm_knows_each_parameter():
    """None is ignored in silence, none refused for its type."""
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.entrypoints.openai.completion.protocol import CompletionRequest

    chat = sent(ask(params={**BOTH, **CHAT}, logprobs=2))
    raw = sent(ask(params=BOTH, logprobs=2, raw=True))

    assert ENGINE_PARAMS == BOTH.keys() | CHAT.keys()
    assert set() == chat.keys() - ChatCompletionRequest.model_fields.keys()
    assert set() == raw.keys() - CompletionRequest.model_fields.keys()
    read = ChatCompletionRequest.model_validate(chat)
    assert (2, 2, 1) == (read.n, read.top_logprobs, read.priority)
    assert ("Capital of France?", 2) == (CompletionRequest.model_validate(raw).prompt, raw["logprobs"])


@pytest.mark.parametrize(
    ("schema", "by_tag"),
    [(PLACE, True), ({"properties": {"n": {"type": "integer", "multipleOf": 5}}}, False)],
)
def test_vllm_takes_the_bounded_schema(schema, by_tag):
    """As a structural tag that xgrammar compiles; else as one that xgrammar leaves to llguidance."""
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.sampling_params import SamplingParams
    from vllm.v1.structured_output.backend_xgrammar import (
        has_xgrammar_unsupported_json_features,
        validate_xgrammar_grammar,
    )

    format_ = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    read = ChatCompletionRequest.model_validate(sent(ask(params={"response_format": format_})))
    grammar = read.extract_structured_outputs()

    assert by_tag == (grammar.structural_tag is not None)
    if by_tag:
        validate_xgrammar_grammar(SamplingParams(structured_outputs=grammar))
    else:
        assert has_xgrammar_unsupported_json_features(grammar.json)
