"""One load under one policy, from the first request to the last answer."""

from collections.abc import Callable, Mapping, Sequence

from ..plan.want import Mode
from ..scheduler.core import Core
from ..scheduler.policy import Lru, Policy, Static, Turns
from ..scheduler.words import Layout
from .arrivals import Arrivals
from .layouts import planned
from .machine import Machine
from .run import FOREVER, Run, Setting
from .watch import Watch

BEFORE_S = 3600.0  # the first layout is brought up so long before the first request

POLICIES: Mapping[str, tuple[Callable[[], Policy], Mode]] = {
    "static": (Static, Mode.AUTO),  # the first layout, whether or not all fit into it
    "sleep": (Turns, Mode.SLEEP),
    "restart": (Turns, Mode.RESTART),
    "auto": (Turns, Mode.AUTO),
    "lru": (Lru, Mode.AUTO),
}


def run_policy(machine: Machine, arrivals: Arrivals, name: str, layouts: Sequence[Layout] = ()) -> Run:
    """The load under that policy, on the planner's layouts where none are given."""
    policy, mode = POLICIES[name]
    max_queue = machine.loads.gateway.max_queue
    core = Core(machine.profiles, layouts or planned(machine, mode), machine.capacity, policy(), max_queue)
    run = started(machine, arrivals, core)
    run.act(core.start(-BEFORE_S), -BEFORE_S)
    run.until(0.0)
    run.moves.clear()
    run.watch = Watch(core.engines, 0.0)
    run.until(FOREVER)
    return run


def started(machine: Machine, arrivals: Arrivals, core: Core) -> Run:
    """A run in which nothing has happened yet."""
    setting = Setting(
        arrivals,
        machine.tiers,
        machine.loads.requests.slo,
        machine.loads.gateway.deadline_s,
        machine.kv_token_bytes,
        machine.lasts,
    )
    return Run(setting, machine.engines(), core)
