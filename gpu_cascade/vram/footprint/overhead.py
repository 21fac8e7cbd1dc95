"""What an engine takes beside weights and KV cache, part by part. Estimates, rather too large than too small.

vLLM reserves none of it where the KV cache is given in bytes, as gpu-cascade gives it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import GIB
from .hf_config import number, optional

MIB = 2**20

# CUDA context, kernels of torch and vLLM, workspaces of cuBLAS and FlashInfer (394 MiB where that is used).
CONTEXT_BYTES = 768 * MIB
# NCCL's buffers and those of vLLM's own all-reduce, each time the number of devices doubles. Of the 7 GB on
# each of eight GPUs that stayed of a sleeping Kimi-K2 (vLLM #47654), its graphs were 1.5 GB.
COMMUNICATION_BYTES = 768 * MIB
# Graphs: a pool, then a bit for each layer and size. 0.36 GiB for 5 sizes (gpustack/runner #251), 0.48 GiB
# for a model of 3.4 GiB (vLLM #20264), 1.5 GB for 61 layers (vLLM #47654).
GRAPH_POOL_BYTES = 256 * MIB
GRAPH_BYTES = 400_000
# Of one logit while tokens are sampled (v1/sample/sampler.py): as computed 2, in float32 4, raw logprobs 4,
# sorted values 4 and places 8 for top-k and top-p, probabilities 4.
SAMPLED_BYTES = 26
CONTEXT_ROWS = 65536  # of a latent cache that are unpacked at once (layers/attention/mla_attention.py)
MOST_TOKENS = 262_144  # of a vocabulary
VISION_BYTES = GIB  # what an encoder of pictures works in; nothing is known of it here
# On the processor: the two processes of an engine and the libraries in them. Three models in float32 took 1.6
# to 3.3 GB beside weights, embeddings and KV cache after half an hour; scripts/long/footprint.py measures it.
PROCESS_BYTES = 1536 * MIB
TOKENIZER_BYTES = 6 * 1024  # of each token of the vocabulary, in both processes


@dataclass(frozen=True, slots=True)
class Overhead:
    """Bytes on each device. `second_embeddings`: the processor's kernels keep a packed copy of them."""

    context: int
    communication: int
    graphs: int
    activations: int
    second_embeddings: int = 0

    @property
    def bytes(self) -> int:
        """All of it, while the engine works."""
        return self.context + self.communication + self.graphs + self.activations + self.second_embeddings

    def asleep(self, *, graphs_offloaded: bool) -> int:
        """What sleep mode leaves on a GPU: all that vLLM's own allocator did not hand out.

        1.19 GiB of Qwen3-4B (vLLM #28714), where this says 1.7.
        """
        return self.context + self.communication + (0 if graphs_offloaded else self.graphs)


@dataclass(frozen=True, slots=True)
class Work:
    """How much an engine does at once: tokens of a step, requests, and batch sizes that have a CUDA graph."""

    batched_tokens: int
    max_num_seqs: int
    max_model_len: int
    captured_sizes: int
    item_bytes: int
    tensor_parallel: int = 1


def on_gpu(text: Mapping[str, Any], work: Work, *, vision: bool) -> Overhead:
    """On an NVIDIA GPU."""
    layers = number(text, "num_hidden_layers", "n_layer", "num_layers")
    doublings = (work.tensor_parallel - 1).bit_length()
    graphs = GRAPH_POOL_BYTES + GRAPH_BYTES * layers * work.captured_sizes if work.captured_sizes else 0
    active = activations(text, work) + (VISION_BYTES if vision else 0)
    return Overhead(CONTEXT_BYTES, COMMUNICATION_BYTES * doublings, graphs, active)


def on_cpu(text: Mapping[str, Any], work: Work, embeddings: int, *, vision: bool) -> Overhead:
    """In the machine's memory: no graphs, but whole processes, and `embeddings` a second time.

    The processor's allocator keeps what it has once handed out, in pieces: activations count thrice.
    """
    processes = PROCESS_BYTES + TOKENIZER_BYTES * _vocabulary(text)
    active = 3 * activations(text, work) + (VISION_BYTES if vision else 0)
    return Overhead(processes, 0, 0, active, embeddings)


def activations(text: Mapping[str, Any], work: Work) -> int:
    """The most that one step needs: the wider of attention and feed-forward, and the sampled logits.

    Of a token live at once: the residual, what goes in and what comes out, and between them the projections.
    Logits come after, and are added all the same: the allocator may not reuse one for the other.
    """
    hidden = number(text, "hidden_size", "n_embd")
    widest = max(_attention_width(text), _feed_forward_width(text))
    forward = work.batched_tokens * (3 * hidden + widest // work.tensor_parallel) * work.item_bytes
    logits = min(work.max_num_seqs, work.batched_tokens) * _vocabulary(text) * SAMPLED_BYTES
    return forward + logits + _unpacked(text, work)


def _attention_width(text: Mapping[str, Any]) -> int:
    """Queries, keys and values, and what attention makes of them."""
    heads = number(text, "num_attention_heads", "n_head")
    size = optional(text, "head_dim") or number(text, "hidden_size", "n_embd") // heads
    return size * 4 * heads


def _feed_forward_width(text: Mapping[str, Any]) -> int:
    """Gate, up and their product; of a mixture, for each expert that a token sees, and its answer."""
    hidden = number(text, "hidden_size", "n_embd")
    size = optional(text, "intermediate_size", "n_inner") or 4 * hidden
    seen = optional(text, "num_experts_per_tok", "num_experts_per_token", "moe_topk", "top_k_experts")
    if not seen:
        return 3 * size
    each = optional(text, "moe_intermediate_size") or size
    shared = optional(text, "shared_expert_intermediate_size") or each * (
        optional(text, "n_shared_experts") or 0
    )
    return max(
        3 * size if each != size else 0, seen * (max(2 * each, hidden) + max(each, hidden)) + 3 * shared
    )


def _unpacked(text: Mapping[str, Any], work: Work) -> int:
    """Keys and values that are made of a latent cache again, for as many heads as a device has."""
    if not optional(text, "kv_lora_rank"):
        return 0
    rows = min(8 * work.max_model_len, CONTEXT_ROWS)
    wide = (optional(text, "qk_nope_head_dim") or 0) + (optional(text, "v_head_dim") or 0)
    heads = -(-number(text, "num_attention_heads") // work.tensor_parallel)
    return rows * heads * wide * work.item_bytes


def _vocabulary(text: Mapping[str, Any]) -> int:
    """Tokens; as many as any model has where config.json leaves it to the model's class."""
    return optional(text, "vocab_size") or MOST_TOKENS
