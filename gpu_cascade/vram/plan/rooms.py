"""The devices that are planned for: those of this machine, or such as `--gpus 1xH200+2xL4` names."""

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...errors import ConfigError
from ..footprint import GIB
from ..gpu.reading import HOST, Device

MIB = 2**20

# What NVML calls the total, in MiB, as nvidia-smi shows it; found in public logs of each of them.
KNOWN_MIB: Mapping[str, int] = {
    "A10": 23028,
    "A10G": 23028,
    "A100-40GB": 40960,
    "A100-80GB": 81920,
    "B200": 183359,
    "H100": 81559,
    "H100-NVL": 95830,
    "H200": 143771,
    "L4": 23034,
    "L40S": 46068,
    "RTX3090": 24576,
    "RTX4090": 24564,
    "RTX5090": 32607,
    "RTX6000Ada": 49140,
    "RTXA6000": 49140,
    "RTXPRO6000": 97887,
    "T4": 15360,
}
_OTHERS = {  # by how their names begin
    "(AMD|INSTINCT)*MI": "AMD",
    "(AMD|RADEON)*RX": "AMD",
    "(INTEL)?(GAUDI|ARC)": "Intel",
    "(GOOGLE)?TPU": "Google",
    "(APPLE)?M": "Apple",
}
_UNITS = {"GIB": GIB, "GB": 10**9}
MOST = 64

# CUDA offers less than NVML calls the total: of H200, H100, A10G, L4, RTX 4090 and 3090 the driver keeps
# 0.3 to 0.6 GiB. The rest is for allocators and for whatever else runs there.
RESERVE_BYTES = GIB
RESERVE_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Room:
    """One device: what it has, and how much of that no engine may take.

    `name` says of what kind it is. `sliced`: a MIG instance, which cannot share an engine with others.
    """

    name: str
    total_bytes: int
    reserve_bytes: int
    index: int = 0
    uuid: str = ""
    sliced: bool = False

    @property
    def label(self) -> str:
        """The device in a sentence."""
        return self.name if self.uuid == HOST else f"GPU {self.index} ({self.name})"

    @property
    def free_bytes(self) -> int:
        """What engines may take; never below 0."""
        return max(0, self.total_bytes - self.reserve_bytes)


def room_of(device: Device) -> Room:
    """A device as it is now: what others hold there is not for us."""
    spare = reserve(device.total_bytes)
    return Room(
        device.name,
        device.total_bytes,
        spare + device.used_bytes,
        device.index,
        device.uuid,
        device.parent is not None,
    )


def reserve(total_bytes: int) -> int:
    """What no engine may take of an otherwise empty GPU: 2 %, and at least 1 GiB."""
    return max(RESERVE_BYTES, math.ceil(RESERVE_SHARE * total_bytes))


def named_rooms(text: str) -> list[Room]:
    """The GPUs that `text` names: `1xH200`, `2x24GiB`, `1xH200+2xL4`; a count of 1 may be left out.

    Raises `ConfigError` for a GPU that is not known (all that are, are listed), one that NVIDIA did not make,
    a size that is none, and more than 64 GPUs.
    """
    rooms: list[Room] = []
    for part in text.split("+"):
        rooms += _part(part.strip())
    if len(rooms) > MOST:
        raise ConfigError(f"--gpus {text} names {len(rooms)} GPUs; at most {MOST} are planned at once")
    return [replace(room, index=index) for index, room in enumerate(rooms)]


def _part(text: str) -> list[Room]:
    found = re.fullmatch(r"(?:(\d{1,4})\s*[xX×*]\s*)?(\S.*)", text)
    if found is None or (found[1] is not None and not int(found[1])):
        raise ConfigError(f"--gpus {text!r} names no GPU; write it as 2xH100, 2x24GiB or 1xH200+2xL4")
    count, word = int(found[1] or 1), found[2]
    size = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(GiB|GB)", word, re.IGNORECASE)
    if size:
        return [_room(size[0], int(float(size[1]) * _UNITS[size[2].upper()]))] * count
    name = _known(word)
    return [_room(name, KNOWN_MIB[name] * MIB)] * count


def _room(name: str, total_bytes: int) -> Room:
    if total_bytes <= RESERVE_BYTES:
        raise ConfigError(f"--gpus {name} has no room: {RESERVE_BYTES / GIB:.0f} GiB stay free on every GPU")
    return Room(name, total_bytes, reserve(total_bytes))


def _known(word: str) -> str:
    """The name in the table that is meant; 'A100' alone is the smaller one."""
    spoken = {_plain(name): name for name in KNOWN_MIB} | {"A100": "A100-40GB", "H10080GB": "H100"}
    plain = _plain(word)
    if plain in spoken:
        return spoken[plain]
    maker = next((maker for start, maker in _OTHERS.items() if re.match(rf"{start}[A-Z]?\d", plain)), None)
    if maker:
        raise ConfigError(f"--gpus {word} is made by {maker}; only NVIDIA's GPUs are planned for")
    near = difflib.get_close_matches(plain, spoken, n=1)
    hint = f"did you mean {spoken[near[0]]}? " if near else ""
    raise ConfigError(
        f"--gpus {word} is not known; {hint}known are {', '.join(sorted(KNOWN_MIB))}, and sizes such as 24GiB"
    )


def _plain(word: str) -> str:
    """In capitals, without maker and marks: 'NVIDIA RTX 4090' is 'RTX4090'."""
    return re.sub(r"[^A-Z0-9]", "", re.sub(r"NVIDIA|GEFORCE|TESLA", "", word.upper()))
