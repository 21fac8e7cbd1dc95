"""GPUs, and what readings of an engine belong to."""

from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.footprint.learned import key_of
from gpu_cascade.vram.gpu.reading import Device


def gpu(gib=80, free_gib=None, index=0, processes=()):
    name = "NVIDIA H100 80GB HBM3"
    return Device(f"GPU-{index}", index, name, gib * GIB, (free_gib or gib) * GIB, processes)


def key(config, on):
    return key_of(config.engines["small"], config.base / "tiny", on.rooms[0].name, on.build.version)
