"""Models' folders and shapes for the tests of this room."""

import json
import struct
from pathlib import Path

HERE = Path(__file__).parent
SHAPES = json.loads((HERE / "shapes.json").read_text())
SIZES = {"F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "I32": 4, "U8": 1}
# What Qwen2.5-1.5B has other than Qwen2.5-0.5B.
QWEN2_15B = {
    "hidden_size": 1536,
    "intermediate_size": 8960,
    "num_hidden_layers": 28,
    "num_attention_heads": 12,
}


def shape(name, **changes):
    """A config.json of shapes.json, changed; a key set to `...` is left out."""
    config = SHAPES[name] | changes
    return {key: value for key, value in config.items() if value is not ...}


def write_config(folder, config):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def write_tensors(file, tensors):
    """A safetensors file of `name: (type, shape)`; the data is a hole, which costs no disk."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, dimensions) in tensors.items():
        size = SIZES[dtype]
        for count in dimensions:
            size *= count
        header[name] = {"dtype": dtype, "shape": list(dimensions), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(8 + len(text) + end)
    return end
