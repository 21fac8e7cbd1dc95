"""Places on engines that are always there, for tests of what stands on them."""

from gpu_cascade.events import Hooks
from gpu_cascade.vram.scheduler.core import Core
from gpu_cascade.vram.scheduler.policy import Static
from gpu_cascade.vram.scheduler.shell import Scheduler
from gpu_cascade.vram.scheduler.words import Layout, Profile


class Handless:
    """Moves nothing: these engines run elsewhere."""

    async def do(self, move):
        raise AssertionError(f"nobody asked for {move}")

    def version(self, engine):
        return f"{engine}-1"


def places(**counts):
    """`Leases` with so many places on each engine."""
    profiles = {name: Profile((), places=count) for name, count in counts.items()}
    made = Scheduler(Core(profiles, [Layout({}, {})], {}, Static(), 10), Handless(), Hooks())
    made.start()
    return made
