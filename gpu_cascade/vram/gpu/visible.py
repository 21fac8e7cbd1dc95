"""Which devices CUDA_VISIBLE_DEVICES leaves. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slot:
    """A GPU or a MIG instance by the names it can be asked for; `uuid` is "" where the GPU does not say."""

    index: int
    uuid: str
    parent: str | None = None

    @property
    def gpu(self) -> str:
        """The uuid of the GPU that it is, or is a slice of."""
        return self.uuid if self.parent is None else self.parent


def visible(value: str | None, slots: Iterable[Slot]) -> list[Slot]:
    """The slots that `value`, a CUDA_VISIBLE_DEVICES, names, in its order. None (not set) names all.

    An entry is an index or the beginning of a GPU's or a MIG instance's UUID that fits one alone. As in CUDA,
    an entry that names nothing ends the list ("" and -1 so name none), and one given twice empties it
    (torch/cuda/__init__.py, which PyTorch's pull request 92315 compared with driver 525). A GPU in MIG mode
    stands for all of its instances, since each engine is given one by its UUID; CUDA would take the first.

    Indices count as nvidia-smi does. CUDA agrees only under CUDA_DEVICE_ORDER=PCI_BUS_ID, where GPUs differ.
    """
    everything = list(slots)
    if value is None:
        return everything
    chosen: list[Slot] = []
    for entry in value.split(","):
        named = _named(entry.strip(), everything)
        if not named:
            break
        if named[0] in chosen:
            return []
        chosen += named
    return chosen


def _named(entry: str, slots: Sequence[Slot]) -> list[Slot]:
    if entry.startswith("MIG-"):
        found = [slot for slot in slots if slot.parent is not None and slot.uuid.startswith(entry)]
        return found if len(found) == 1 else []
    if entry.startswith("GPU-"):
        found = [slot for slot in slots if slot.gpu.startswith(entry)]
        return found if len({slot.gpu for slot in found}) == 1 else []
    return [slot for slot in slots if entry.isdecimal() and slot.index == int(entry)]
