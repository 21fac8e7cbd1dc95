"""What a gateway is made of in whatever process it runs: who may come in, and what may be asked."""

import os
from collections.abc import Mapping

from ..cascade.cascade import Cascade
from ..cascade.direct import Direct
from ..cascade.sticky import Remembered, Sticking
from ..config import Config
from ..engines.base import Answerer
from ..gateway.guards import Door
from ..governance import Finder
from ..monitor import Watched, Watching
from ..types.wish import Sticky
from .calibrated import Calibrated
from .engines import Tiers


def door_of(config: Config, api_key: str | None, keys: Finder) -> Door:
    """Who may come in."""
    required = config.governance.keys == "required"
    static = api_key or None  # an empty variable is none: it would let in who sends nothing
    return Door(config.gateway.host, static, config.gateway.cors, keys, required)


def models_of(
    config: Config,
    cascades: Mapping[str, Calibrated | Cascade],
    watching: Mapping[str, Watching],
    engines: Tiers,
) -> dict[str, Answerer]:
    """What clients may name: cascades first."""
    models: dict[str, Answerer] = {}
    secret = os.urandom(32)
    for name, made in cascades.items():
        sticky = config.cascades[name].sticky
        answerer = Sticking(
            made.cascade if isinstance(made, Calibrated) else made,
            Sticky(sticky.mode),
            Remembered(sticky.ttl_s),
            secret,
        )
        models[name] = Watched(answerer, watching[name]) if name in watching else answerer
    return models | {name: Direct(engine) for name, engine in engines.leased.items()}
