"""Which of vLLM's flags `args` may not carry, and why."""

_OURS = "gpu-cascade sets it itself: each engine listens on a private Unix socket"
_MEMORY = "gpu-cascade sets it from `kv` and what is free; change kv.min_tokens"

OWNED = {
    "model": "write it as `model` of the engine",
    "port": _OURS,
    "host": _OURS,
    "uds": _OURS,
    "api-key": _OURS,
    "served-model-name": "the engine's name in models.yaml is its served name",
    "config": "a second configuration could overrule this one",
    "kv-cache-memory-bytes": _MEMORY,
    "gpu-memory-utilization": _MEMORY,
    "device-memory-utilization": _MEMORY,
    "generation-config": "a model's own sampling defaults would change what drafts are sampled with",
    "logprobs-mode": "the cascade decides on raw logprobs",
    "max-model-len": "write it as `max_model_len` of the engine",
    "max-num-seqs": "write it as `max_num_seqs` of the engine",
    "dtype": "write it as `dtype` of the engine",
    "quantization": "write it as `quantization` of the engine",
    "q": "write it as `quantization` of the engine",
    "tensor-parallel-size": "write it as `tensor_parallel` of the engine",
    "tp": "write it as `tensor_parallel` of the engine",
}


def spell(key: str) -> str:
    """A flag as vLLM spells it: no leading dashes, '-' between words; what follows a dot stays as it is."""
    flag, dot, rest = key.lstrip("-").partition(".")
    return flag.replace("_", "-") + dot + rest


def refusal(flag: str) -> str | None:
    """Why a spelled `flag` may not stand in `args`; None where it may.

    argparse takes any beginning of a flag for the flag (`--kv-cache-mem`), so beginnings count too.
    """
    for owned, reason in OWNED.items():
        if owned.startswith(flag):
            return f"may not stand in args (--{owned}): {reason}"
    return None
