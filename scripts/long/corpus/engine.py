"""The engine that answers the corpus: one request at a time, no prefix cache, in full precision.

In bfloat16 two processors, or two libraries of kernels, may choose other tokens.
"""

from collections.abc import Iterable
from pathlib import Path

from .asking import MODEL

HF_MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
WITHIN = 1e-3  # nats that a log-probability may be off from one run to the next
YAML = f"""
engines:
  {MODEL}:
    {{model: {HF_MODEL}, dtype: float32, max_model_len: 1024, kv: {{min_tokens: 2048}}, max_num_seqs: 1,
      args: {{enable-prefix-caching: false, enable-prompt-tokens-details: true,
             enable-auto-tool-choice: true, tool-call-parser: hermes}}}}
  never_asked: {{url: "http://127.0.0.1:9/v1", name: nobody}}
cascades:
  cascade: {{tiers: [{MODEL}, never_asked], threshold: keep_all}}
"""


def socket(pids: Iterable[int]) -> Path:
    """Where the engine among these processes listens, as its command line says."""
    for pid in pids:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        if "vllm.entrypoints.openai.api_server" in words and "--uds" in words:
            return Path(words[words.index("--uds") + 1])
    raise AssertionError("no engine runs here")
