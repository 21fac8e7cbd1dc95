"""What happened, as Prometheus metrics. A listener beside the way of an answer; it holds no user text."""

from collections.abc import Callable, Collection, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from .events import Alarmed, Answered, EngineChanged, Event, Failed, Shadowed
from .traces import StoreHealth
from .types import Judgement, Use

UNKNOWN = "unknown"  # the label of a model nobody configured: a client's own word is not repeated
SECONDS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 30, 60, 120)


class Metrics:
    """A hook for `events.Hooks`. `models` are the names clients may ask for, `version` is ours."""

    def __init__(
        self, models: Collection[str], version: str, store: Callable[[], StoreHealth] | None = None
    ) -> None:
        self.registry = CollectorRegistry()
        self._models = frozenset(models)
        self._states: dict[str, str] = {}  # by engine: the one state whose gauge is 1
        self._answers: dict[tuple[str, ...], _Answers] = {}
        self._drafts: dict[tuple[str, str, str, bool], tuple[Counter, ...]] = {}
        self._spent: dict[str, _Spent] = {}
        self._families = _Families(self.registry)
        Info("gpu_cascade", "What serves here.", registry=self.registry).info({"version": version})
        if store is not None:
            self.registry.register(_StoreCollector(store))

    def __call__(self, event: Event) -> None:
        """Count one event."""
        if isinstance(event, Answered):
            self._answered(event)
        elif isinstance(event, Failed):
            self._families.failures.labels(self._named(event.model), str(event.status)).inc()
        elif isinstance(event, EngineChanged):
            self._changed(event)
        elif isinstance(event, Shadowed):
            self._shadowed(event)
        elif isinstance(event, Alarmed):
            self._families.alarms.labels(self._named(event.cascade), event.kind).inc()

    def render(self) -> tuple[bytes, str]:
        """All metrics in Prometheus' text form, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def _named(self, model: str) -> str:
        return model if model in self._models else UNKNOWN

    def _answered(self, event: Answered) -> None:
        decision = event.decision
        model = self._named(event.model)
        key = (model, decision.verdict.value, decision.reason.value, decision.tier)
        answers = self._answers.get(key)
        if answers is None:
            answers = self._answers[key] = _Answers(self._families, *key)
        answers.count.inc()
        answers.total_s.observe(event.total_s)
        answers.first_token_s.observe(event.first_token_s)
        for judgement in decision.judged:
            self._draft(model, judgement)
        for use in event.uses:
            self._use(use)

    def _draft(self, model: str, judgement: Judgement) -> None:
        key = (model, judgement.engine, judgement.reason.value, judgement.keep)
        drafts = self._drafts.get(key)
        if drafts is None:
            judged = self._families.drafts.labels(*key[:2])
            passed_up = self._families.escalations.labels(*key[:3])
            drafts = self._drafts[key] = (judged,) if judgement.keep else (judged, passed_up)
        for one in drafts:
            one.inc()

    def _use(self, use: Use) -> None:
        spent = self._spent.get(use.engine)
        if spent is None:
            spent = self._spent[use.engine] = _Spent(self._families, use.engine)
        spent.prompt_tokens.inc(use.prompt_tokens)
        spent.completion_tokens.inc(use.completion_tokens)
        spent.engine_s.inc(use.engine_s)
        if use.queue_s:
            spent.queue_s.inc(use.queue_s)

    def _shadowed(self, event: Shadowed) -> None:
        self._families.shadows.labels(self._named(event.cascade), str(event.agreed).lower()).inc()
        self._use(event.use)

    def _changed(self, event: EngineChanged) -> None:
        before = self._states.get(event.engine)
        if before is not None:
            self._families.engine_state.labels(event.engine, before).set(0)
        self._states[event.engine] = event.state
        self._families.engine_state.labels(event.engine, event.state).set(1)
        self._families.engine_changes.labels(event.engine, event.state).inc()


class _Families:
    """The metrics by name, all in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, help_: str, *labels: str) -> Counter:
            return Counter(f"gpu_cascade_{name}", help_, labels, registry=registry)

        def histogram(name: str, help_: str, *labels: str) -> Histogram:
            return Histogram(f"gpu_cascade_{name}", help_, labels, buckets=SECONDS, registry=registry)

        self.requests = counter("requests", "Requests answered.", "model", "verdict", "reason", "tier")
        self.failures = counter("failures", "Requests not answered, by HTTP status.", "model", "status")
        self.total = histogram("answer_seconds", "From arrival to the last token.", "model", "verdict")
        self.first = histogram("first_token_seconds", "From arrival to the first token.", "model", "verdict")
        self.drafts = counter("drafts", "Drafts asked for.", "model", "engine")
        self.escalations = counter("escalations", "Drafts that did not stand.", "model", "engine", "reason")
        self.tokens = counter("tokens", "Tokens processed.", "engine", "kind")
        self.engine_s = counter("engine_seconds", "Engine busy time, shared among requests.", "engine")
        self.queue_s = counter("queue_seconds", "Time requests waited for a place.", "engine")
        self.shadows = counter("shadows", "Kept answers also asked of the large model.", "model", "agreed")
        self.alarms = counter("alarms", "Promises found broken.", "model", "kind")
        self.engine_changes = counter("engine_changes", "How often a state was entered.", "engine", "state")
        self.engine_state = Gauge(
            "gpu_cascade_engine_state", "1 for the state it is in.", ["engine", "state"], registry=registry
        )


class _Answers:
    """The counters of one kind of answer. Looking labels up costs more than counting, so once is enough."""

    __slots__ = ("count", "first_token_s", "total_s")

    def __init__(self, families: _Families, model: str, verdict: str, reason: str, tier: str) -> None:
        self.count = families.requests.labels(model, verdict, reason, tier)
        self.total_s = families.total.labels(model, verdict)
        self.first_token_s = families.first.labels(model, verdict)


class _Spent:
    """The counters of one engine."""

    __slots__ = ("completion_tokens", "engine_s", "prompt_tokens", "queue_s")

    def __init__(self, families: _Families, engine: str) -> None:
        self.prompt_tokens = families.tokens.labels(engine, "prompt")
        self.completion_tokens = families.tokens.labels(engine, "completion")
        self.engine_s = families.engine_s.labels(engine)
        self.queue_s = families.queue_s.labels(engine)


class _StoreCollector(Collector):
    """Asks the decision store how it is, whenever somebody asks us."""

    def __init__(self, store: Callable[[], StoreHealth]) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        health = self._store()
        yield GaugeMetricFamily(
            "gpu_cascade_store_pending", "Decisions that wait to be written.", value=health.pending
        )
        yield CounterMetricFamily(
            "gpu_cascade_store_dropped", "Decisions lost because the store was full.", value=health.dropped
        )
        yield GaugeMetricFamily(
            "gpu_cascade_store_failing", "1 while decisions cannot be written.", value=bool(health.last_error)
        )
