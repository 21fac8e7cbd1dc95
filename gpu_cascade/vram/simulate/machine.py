"""The file's GPU and engines in the scheduler's words."""

from dataclasses import dataclass

from ..scheduler.words import HOST, Kind, Profile, State
from .load import Loads, bytes_of
from .service import Engine

GPU = "gpu0"


@dataclass(frozen=True, slots=True)
class Machine:
    """What the engines of `tiers` take, on which GPUs, and how long their moves last."""

    loads: Loads
    tiers: tuple[str, ...]
    alone: bool = False  # each on a GPU of its own

    def gpu_of(self, engine: str) -> str:
        """The GPU that it is on."""
        return f"gpu{self.tiers.index(engine)}" if self.alone else GPU

    @property
    def capacity(self) -> dict[str, int]:
        """Bytes that engines may take, by GPU, and host RAM."""
        gpu = self.loads.gpu
        each = bytes_of(gpu.free_gib)
        return {self.gpu_of(name): each for name in self.tiers} | {HOST: bytes_of(gpu.host_ram_gib)}

    @property
    def profiles(self) -> dict[str, Profile]:
        """For the core."""
        return {name: self._profile(name) for name in self.tiers}

    @property
    def kv_token_bytes(self) -> dict[str, float]:
        """KV cache of one token, by engine."""
        return {name: self.loads.engines[name].kv_token_bytes for name in self.tiers}

    def engines(self) -> dict[str, Engine]:
        """Modelled engines that have no KV cache yet."""
        return {name: Engine(self.loads.engines[name], 0) for name in self.tiers}

    def lasts(self, engine: str, kind: Kind, state: State) -> float:
        """Seconds of that move of an engine that stands like that."""
        took, gib = self.loads.transitions_s, self.loads.engines[engine].weights_gib
        if kind is Kind.RELEASE:
            return took.kv_release
        if kind is Kind.WAKE and state is State.KV_RELEASED:
            return took.kv_wake
        timed = {Kind.SLEEP: took.sleep, Kind.WAKE: took.wake, Kind.BOOT: took.boot, Kind.STOP: took.stop}[
            kind
        ]
        return timed.fixed + timed.per_gib * gib

    def _profile(self, name: str) -> Profile:
        spec = self.loads.engines[name]
        return Profile(
            devices=(self.gpu_of(name),),
            base_bytes=spec.base_bytes,
            asleep_bytes=bytes_of(spec.asleep_gib),
            asleep_host_bytes=bytes_of(spec.weights_gib),
            places=spec.max_num_seqs,
            boot_s=self.lasts(name, Kind.BOOT, State.ABSENT),
            stop_s=self.lasts(name, Kind.STOP, State.READY),
            sleep_s=self.lasts(name, Kind.SLEEP, State.READY),
            wake_s=self.lasts(name, Kind.WAKE, State.ASLEEP),
            release_s=max(self.loads.transitions_s.kv_release, self.loads.transitions_s.kv_wake),
        )
