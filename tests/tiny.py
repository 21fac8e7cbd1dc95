"""A folder that looks like a model, for tests that read one."""

from .vram.footprint.files import write_config, write_tensors

SHAPE = {
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 64,
    "vocab_size": 1000,
    "dtype": "bfloat16",
}


def write_tiny(folder):
    """Its configuration, and the one tensor of its embeddings."""
    write_config(folder, SHAPE)
    write_tensors(folder / "model.safetensors", {"model.embed_tokens.weight": ("BF16", (1000, 64))})
