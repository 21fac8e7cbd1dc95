"""Random events in a world, from a seed: whatever can happen to engines and requests, in any order."""

import random

from gpu_cascade.vram.scheduler.policy import Lru, Static, Turns
from gpu_cascade.vram.scheduler.splits import Splits
from gpu_cascade.vram.scheduler.words import State

from .world import BY_RESTART, BY_TURNS, EVEN, LEAN, LEAN_LAYOUTS, PROFILES, TILTED, TWO, World

SETTINGS = {
    "sleep": (PROFILES, BY_TURNS, Turns()),
    "restart": (PROFILES, BY_RESTART, Turns(patience_s=5)),
    "lru": (PROFILES, BY_TURNS, Lru()),
    "lean": (LEAN, LEAN_LAYOUTS, Turns()),
    "splits": (TWO, (EVEN, TILTED), Splits(Turns())),
    "static": (PROFILES, BY_TURNS, Static()),
}
LIVES = {State.READY, State.DRAINING, State.ASLEEP, State.KV_RELEASED}
LONGEST = 80  # events
ROUNDS = 200  # in which everything has to come to its end


class Chance:
    """One run. `happen` is one event; `end_well` lets nothing more go wrong, until nobody waits."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        profiles, layouts, policy = SETTINGS[self.random.choice(sorted(SETTINGS))]
        self.world = World(profiles, layouts, policy=policy)

    def run(self):
        for _ in range(self.random.randint(1, LONGEST)):
            self.happen()
        self.end_well()

    def happen(self):
        world = self.world
        can = {
            "ask": 2,
            "wait": 1,
            "leave": bool(world.waiting),
            "give_back": 2 * bool(world.granted),
            "press": 1,
            "end": 3 * bool(world.moves),
            "fail": bool(world.moves),
            "lose": 0.5 * bool(self.alive()),
            "back": bool(self.lost()),
        }
        getattr(self, self.random.choices(list(can), list(can.values()))[0])()

    def end_well(self):
        """Everybody is served or refused in the end, in a bounded number of rounds."""
        world = self.world
        for _ in range(ROUNDS):
            if not (world.waiting or world.granted or world.moves):
                return
            for ticket in list(world.granted):
                world.give_back(ticket)
            world.run()
        raise AssertionError(f"{len(world.waiting)} wait, {world.moves} move, {world.states()}")

    def alive(self):
        engines = self.world.core.engines
        return [name for name, one in engines.items() if one.state in LIVES and name not in self.world.moves]

    def lost(self):
        engines = self.world.core.engines
        return [name for name, one in engines.items() if one.lost and name not in self.world.moves]

    def ask(self):
        self.world.ask(self.random.choice(sorted(self.world.profiles)), urgent=self.random.random() < 0.5)

    def wait(self):
        self.world.wait(self.random.choice([0.001, 1.0, 20.0, 200.0]))

    def leave(self):
        self.world.leave(self.random.choice(self.world.waiting))

    def press(self):
        world = self.world
        engine = self.random.choice(sorted(world.profiles))
        world.act(world.core.pressed(engine, self.random.random(), self.random.randrange(3), world.now))

    def give_back(self):
        self.world.give_back(self.random.choice(self.world.granted))

    def end(self):
        engine = self.random.choice(sorted(self.world.moves))
        self.world.end(engine, residue=self.random.choice([None, None, None, 1, 25]))

    def fail(self):
        self.world.end(self.random.choice(sorted(self.world.moves)), ok=False)

    def lose(self):
        self.world.lose(self.random.choice(self.alive()))

    def back(self):
        self.world.back(self.random.choice(self.lost()))
