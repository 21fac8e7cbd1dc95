"""The model itself, for the process that embeds: tokens in, one unit vector out."""

from pathlib import Path
from typing import Any

from .folder import layout
from .process import Keep

BATCH = 32  # texts that are padded to one length
CHARACTERS = 32  # read per token at most: a megabyte need not be tokenized for its last 256 tokens


class Model:
    """The model in `folder`. Of a longer text, its `keep` is read."""

    def __init__(self, folder: Path, keep: Keep) -> None:
        from transformers import AutoModel, AutoTokenizer

        self._layout, self._keep = layout(folder), keep
        side = "right" if keep == "start" else "left"
        self._tokenizer = AutoTokenizer.from_pretrained(self._layout.encoder, truncation_side=side)
        self._model = AutoModel.from_pretrained(self._layout.encoder).eval()

    def encode(self, texts: list[str]) -> tuple[bytes, int]:
        """Vectors as native float32 in the order of `texts`, and how many numbers each has.

        Texts of like length go together: padding is work too.
        """
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        found: dict[int, bytes] = {}
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            vectors = self._batch([texts[place] for place in places])
            found.update(zip(places, (vector.tobytes() for vector in vectors), strict=True))
        return b"".join(found[place] for place in range(len(texts))), self._model.config.hidden_size

    def _batch(self, texts: list[str]) -> Any:
        import torch

        tokens = self._layout.tokens
        cut = CHARACTERS * tokens
        shown = [text[:cut] if self._keep == "start" else text[-cut:] for text in texts]
        read = self._tokenizer(shown, padding=True, truncation=True, max_length=tokens, return_tensors="pt")
        with torch.inference_mode():
            states = self._model(**read).last_hidden_state
        counted = read["attention_mask"].unsqueeze(-1)
        pooled = states[:, 0] if self._layout.pooling == "cls" else (states * counted).sum(1) / counted.sum(1)
        return torch.nn.functional.normalize(pooled, dim=1).float().numpy()
