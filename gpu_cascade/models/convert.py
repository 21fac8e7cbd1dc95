"""The child process that turns GGUF files into folders vLLM can serve: safetensors, tokenizer, configuration.

A process of its own, so that its parent never holds torch. It reads a job per line on stdin and answers with
JSON lines on stdout; when stdin ends it goes, in the middle of a job too: nobody waits for that any more.
"""

import functools
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from typing import IO, Any

Say = Callable[..., None]


def main() -> None:
    """Convert until stdin ends."""
    # Libraries print; only we may write where the parent reads.
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    jobs = _jobs(sys.stdin)
    try:
        _prepare(functools.partial(_say, out))
    except ImportError as error:
        _say(out, error=f"converting needs torch, transformers and gguf ({error}): run scripts/setup")
        return
    while True:
        job = jobs.get()
        try:
            convert(Path(job["gguf"]), Path(job["out"]), job["pre_tokenizer"], job["eos_ids"])
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent has to hear it
            _say(out, error=f"{type(error).__name__}: {error}")
        else:
            _say(out, finished=True)


def _jobs(lines: IO[str]) -> "Queue[dict[str, Any]]":
    queue: Queue[dict[str, Any]] = Queue()

    def read() -> None:
        for line in lines:
            queue.put(json.loads(line))
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return queue


def _say(out: IO[str], **message: Any) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


def _prepare(say: Say) -> None:
    """Import what takes seconds, and take out what is done over and over.

    Measured on 151 936 tokens: transformers reads the file three times (configuration, tokenizer, weights),
    each 13 s of processor time, and makes the table of tensor names again for every module of the model, 8 s.
    """
    import gguf
    import numpy as np
    import transformers.modeling_gguf_pytorch_utils as loader

    class Reader(gguf.GGUFReader):  # type: ignore[misc]
        """The same, in 3.5 s: what it slices half a million times is a plain array, not numpy's memmap."""

        @property
        def data(self) -> Any:
            return self._data

        @data.setter
        def data(self, mapped: Any) -> None:
            self._data = np.asarray(mapped)

    def counted(tensors: Any, **_: Any) -> Any:
        for done, tensor in enumerate(tensors, start=1):
            yield tensor
            say(done=done, total=len(tensors))

    gguf.GGUFReader = functools.lru_cache(maxsize=1)(Reader)
    gguf.get_tensor_name_map = functools.lru_cache(maxsize=1)(gguf.get_tensor_name_map)
    loader.tqdm = counted


def convert(gguf_file: Path, out: Path, pre_tokenizer: str, eos_ids: list[int]) -> None:
    """One GGUF file to the folder `out`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    where: dict[str, Any] = {"gguf_file": gguf_file.name}
    tokenizer = AutoTokenizer.from_pretrained(gguf_file.parent, **where)
    model = AutoModelForCausalLM.from_pretrained(
        gguf_file.parent, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True), **where
    )
    mend_tokenizer(tokenizer, pre_tokenizer)
    tie_embeddings(model)
    model.generation_config.eos_token_id = eos_ids if len(eos_ids) > 1 else eos_ids[0]
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def mend_tokenizer(tokenizer: Any, pre_tokenizer: str) -> None:
    r"""What GGUF says only by name, and transformers leaves out.

    smollm: digits stand alone before anything else is split; without it "\n\n1" is three tokens, not two.
    qwen2: text is brought to Unicode's composed form first.
    """
    from tokenizers import normalizers, pre_tokenizers

    backend = tokenizer.backend_tokenizer
    if pre_tokenizer == "smollm":
        digits = pre_tokenizers.Digits(individual_digits=True)
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [digits, pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    elif pre_tokenizer == "qwen2":
        backend.normalizer = normalizers.NFC()
    else:
        raise ValueError(f"no pre-tokenizer of the name {pre_tokenizer}")


def tie_embeddings(model: Any) -> None:
    """One matrix for input and output, as in the originals.

    Qwen's GGUF carries it twice, coarser for the input (Q5_0 beside Q8_0; every row's cosine is above 0.998).
    The finer one serves both: nearer to the original, and 0.27 GB less to load and hold for 0.5B.
    """
    if model.config.tie_word_embeddings:
        return
    model.get_input_embeddings().weight = model.get_output_embeddings().weight
    model.config.tie_word_embeddings = True
    model.tie_weights()


if __name__ == "__main__":
    main()
