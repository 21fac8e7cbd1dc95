"""Fields of the OpenAI API and of vLLM that are known and not taken, each with its cure; null is absent."""

_ENGINES = "engines are not asked for it; leave it out"
_OURS = "the gateway sets it itself; leave it out"
_CACHED = "engines cache prefixes by themselves; leave it out"
_GUIDED = "vLLM calls it structured_outputs: {%s: ...} now"

_BOTH = {
    "use_beam_search": "beams have no token probabilities of their own; leave it out",
    "length_penalty": "it is for beam search, which is not taken; leave it out",
    "watermarking": _ENGINES,
    "prompt_logprobs": "it can take an engine down for want of memory; leave it out",
    "logprob_token_ids": "in a batch it overwrites the probabilities of other requests; use top_logprobs",
    "allowed_token_ids": "say it in words that every tier knows: structured_outputs: {choice: ...}",
    "echo": "the prompt is not repeated; put it before the answer yourself",
    "mm_processor_kwargs": _ENGINES,
    "priority": "escalated requests go first, and nobody else; leave it out",
    "request_id": "ids are given here: the answer's id, also in x-cascade-id",
    "session_id": _ENGINES,
    "return_tokens_as_token_ids": "tokens are sent as text; leave it out",
    "return_token_ids": "tokens are sent as text; leave it out",
    "routed_experts_prompt_start": _ENGINES,
    "return_token_offsets": _ENGINES,
    "mm_payload": _ENGINES,
    "return_mm_kwargs": _ENGINES,
    "kv_transfer_params": _OURS,
    "ec_transfer_params": _OURS,
    "vllm_xargs": _ENGINES,
    "repetition_detection": "set frequency_penalty or repetition_penalty instead",
    "stream_interval": _OURS,
    "best_of": "ask for n answers and choose among them",
    "guided_json": _GUIDED % "json",
    "guided_regex": _GUIDED % "regex",
    "guided_choice": _GUIDED % "choice",
    "guided_grammar": _GUIDED % "grammar",
    "guided_decoding_backend": "the engine chooses; set structured-outputs-config in its args",
    "guided_whitespace_pattern": "white space is bounded anyway; leave it out",
}

CHAT = {
    **_BOTH,
    "audio": "answers are text; leave it out",
    "chat_template": "it is a program that would run in the engine; set chat-template in its args",
    "function_call": "OpenAI calls it tool_choice now",
    "functions": "OpenAI calls it tools now: [{type: function, function: ...}]",
    "include_reasoning": "reasoning comes as reasoning_content, where it can be left aside",
    "media_io_kwargs": _ENGINES,
    "moderation": "no engine here does that; leave it out",
    "prediction": "no engine here takes one; leave it out",
    "prompt_cache_options": _CACHED,
    "prompt_cache_retention": _CACHED,
    "return_prompt_text": _ENGINES,
    "verbosity": "say in a message how long the answer should be",
    "web_search_options": "no engine here searches; give it a tool that does",
}

COMPLETION = {
    **_BOTH,
    "prompt_embeds": "a prompt is text",
    "response_format": "say it as structured_outputs: {json: ...}",
    "suffix": "no engine here fills gaps; put what follows into the prompt",
}
