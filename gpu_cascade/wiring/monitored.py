"""A calibrated cascade whose kept answers are compared with the last tier's, as models.yaml asks."""

import logging
from functools import partial
from pathlib import Path

import msgspec

from ..calibrate.artifact import Artifact, Baseline
from ..calibrate.scorers import same
from ..cascade.cascade import Cascade
from ..config import Config, MonitorConfig
from ..errors import ConfigError
from ..events import Answered, EngineChanged, Event, Failed, Hooks, Shadowed
from ..monitor import Drift, Plan, Shadow, Watch, resumed, tolerated
from ..types import Decision
from .engines import Engines

log = logging.getLogger(__name__)


class Monitored:
    """The shadow of one cascade, what it has learned on disk, and its place among the listeners."""

    def __init__(
        self, name: str, config: Config, engines: Engines, cascade: Cascade, artifact: Artifact, hooks: Hooks
    ) -> None:
        made = config.cascades[name]
        assert made.monitor is not None
        assert artifact.watched is not None
        self._path = config.state_dir / f"monitor-{name}.json"
        last = made.tiers[-1]
        watch = _resumed(self._path, _fresh(artifact.watched, made.monitor))
        self._stops = made.monitor.on_alarm == "escalate_all"
        fallback = cascade.stop_drafting if self._stops else None
        self.shadow = Shadow(
            Plan(name, made.monitor.share, artifact.sampling, config.gateway.deadline_s),
            engines.leased[last],
            partial(same, scorer=artifact.watched.comparator),
            partial(engines.idle, last),
            hooks.tell,
            watch,
            partial(_predicted, artifact.watched),
            fallback,
        )
        hooks.add(self._heard)
        self.shadow.start()

    @property
    def stopped(self) -> bool:
        """Whether the cascade drafts no more, after an alarm."""
        return self._stops and self.shadow.watch.alarmed

    async def close(self) -> None:
        """Ask nothing more, and keep what was learned."""
        await self.shadow.close()
        try:
            self._keep()
        except OSError as error:
            log.error("%s was not written: %s; the monitor begins anew", self._path, error.strerror)

    def _heard(self, event: Event) -> None:
        if isinstance(event, Shadowed) and event.cascade == self.shadow.cascade:
            self._keep()
        elif isinstance(event, Answered | Failed | EngineChanged):
            self.shadow.poke()

    def _keep(self) -> None:
        """By one rename; numbers only."""
        draft = self._path.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(self.shadow.watch))
        draft.replace(self._path)


def watches(name: str, config: Config, artifact: Artifact) -> bool:
    """Whether there is something to watch: it is asked for, and drafts are kept under a certificate."""
    asked = config.cascades[name].monitor
    return asked is not None and asked.share > 0 and artifact.certified and artifact.watched is not None


def _fresh(promised: Baseline, asked: MonitorConfig) -> Watch:
    bound = tolerated(promised.disagreement, promised.rows)
    return Watch(promised.comparator, asked.share, Drift(bound, asked.alarm))


def _predicted(promised: Baseline, decision: Decision) -> float | None:
    """How likely calibration finds it that the last tier says the same."""
    judgement = decision.judged[-1]
    known = promised.agrees.get(judgement.engine)
    return None if known is None or judgement.signal is None else known.at(judgement.signal)


def _resumed(path: Path, fresh: Watch) -> Watch:
    """What an earlier `serve` has learned; `fresh` where there was none."""
    try:
        return resumed(path.read_bytes(), fresh)
    except FileNotFoundError:
        return fresh
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}") from None
