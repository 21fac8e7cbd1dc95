"""The gateways that clients are tried against: over scripted engines, and over real ones."""

from .. import serving
from ..serving import Serve

SAID = ["It is Paris.", "It is Tokyo."]
YAML = """
engines:
  small: {model: any-small}
  large: {model: any-large}
cascades:
  cascade: {tiers: [small, large], threshold: -0.9}
"""
ANN = '{"name": "Ann", "age": 30}'
SCRIPT = [
    {"match": "weather", "calls": [{"name": "weather", "arguments": '{"city": "Oslo"}'}]},
    {"match": "Ann", "text": ANN, "calls": [{"name": "Person", "arguments": ANN}]},
    {"match": "Japan", "text": SAID[1], "logprob": -3.0},
    {"match": "", "text": SAID[0]},
]
# Without a prefix cache a text at temperature 0 does not depend on what was asked before.
ENGINE = """dtype: float32, max_model_len: 2048, kv: {min_tokens: 4096}, max_num_seqs: 2,
    args: {enforce-eager: true, enable-prefix-caching: false,
           enable-auto-tool-choice: true, tool-call-parser: hermes}"""
REAL = f"""
engines:
  small: {{model: HuggingFaceTB/SmolLM2-135M-Instruct, {ENGINE}}}
  large: {{model: Qwen/Qwen2.5-Coder-0.5B-Instruct, {ENGINE}}}
cascades:
  cascade: {{tiers: [small, large], threshold: escalate_all}}
"""


def scripted(folder):
    """A draft about France is sure, one about Japan is not; both engines say the same."""
    return serving.scripted(folder, YAML, SCRIPT).ready(within_s=120)


def real(folder):
    """The large engine answers everything: what the small one drafts is nothing to rely on."""
    return Serve(folder, REAL).ready(within_s=500)
