"""What Prometheus reads: counts that follow the events, and never a client's own words."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gpu_cascade.events import Alarmed, EngineChanged, Failed, Shadowed
from gpu_cascade.metrics import Metrics
from gpu_cascade.traces import StoreHealth
from gpu_cascade.types import Reason, Verdict

from .records import LARGE, SMALL, SURE, record


@pytest.fixture
def metrics():
    """Metrics of one cascade over a store that has trouble."""
    return Metrics(["cascade", "small"], "1.2.3", lambda: StoreHealth(7, 2, "the disk is full"))


def read(metrics):
    """Every sample as {name: {labels: value}}."""
    body, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    samples: dict = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return samples


def labels(**values):
    return frozenset(values.items())


def test_an_answer_is_counted(metrics):
    """By model, verdict, reason and tier; its times; what each engine spent; the draft that was passed up."""
    metrics(record())
    metrics(record())
    seen = read(metrics)
    answer = labels(model="cascade", verdict="escalated", reason="unsure", tier="large")
    assert seen["gpu_cascade_requests_total"] == {answer: 2}
    kind = labels(model="cascade", verdict="escalated")
    assert seen["gpu_cascade_answer_seconds_sum"] == {kind: 4.8}
    assert seen["gpu_cascade_first_token_seconds_count"] == {kind: 2}
    assert seen["gpu_cascade_tokens_total"][labels(engine="small", kind="prompt")] == 86
    assert seen["gpu_cascade_tokens_total"][labels(engine="large", kind="completion")] == 62
    assert seen["gpu_cascade_engine_seconds_total"][labels(engine="large")] == pytest.approx(3.8)
    assert seen["gpu_cascade_queue_seconds_total"] == {labels(engine="small"): 0, labels(engine="large"): 0.5}
    passed_up = labels(model="cascade", engine="small", reason="unsure")
    assert seen["gpu_cascade_escalations_total"] == {passed_up: 2}


def test_a_kept_draft_is_no_escalation(metrics):
    """Drafts are counted either way, escalations only where the draft did not stand."""
    metrics(record(judged=[SURE], uses=[SMALL], tier="small", verdict=Verdict.KEPT, reason=Reason.SURE))
    seen = read(metrics)
    assert seen["gpu_cascade_drafts_total"] == {labels(model="cascade", engine="small"): 1}
    assert sum(seen.get("gpu_cascade_escalations_total", {}).values()) == 0


def test_failures_are_counted_by_status(metrics):
    """A model that nobody configured is "unknown": what a client wrote is not repeated."""
    metrics(Failed("gc-1", "cascade", 503))
    metrics(Failed("gc-2", "my secret text", 404))
    metrics(record(model="my secret text"))
    seen = read(metrics)
    expected = {labels(model="cascade", status="503"): 1, labels(model="unknown", status="404"): 1}
    assert seen["gpu_cascade_failures_total"] == expected
    assert b"secret" not in metrics.render()[0]


def test_a_shadow_is_counted_and_paid_for(metrics):
    """Whether it agreed, and what the large model spent on it as on any answer."""
    for agreed in (True, True, False):
        metrics(Shadowed("cascade", "gc-1", agreed, 0.02, None, LARGE))
    seen = read(metrics)
    told = {labels(model="cascade", agreed="true"): 2, labels(model="cascade", agreed="false"): 1}
    assert told == seen["gpu_cascade_shadows_total"]
    assert seen["gpu_cascade_tokens_total"][labels(engine="large", kind="completion")] == 93
    assert seen["gpu_cascade_engine_seconds_total"][labels(engine="large")] == pytest.approx(5.7)
    assert "gpu_cascade_requests_total" not in seen


def test_an_alarm_is_counted(metrics):
    """By cascade and kind; the sentence stays out."""
    metrics(Alarmed("cascade", "disagreement", 1001.0, 1000.0, 412, "a long sentence"))
    expected = {labels(model="cascade", kind="disagreement"): 1}
    assert expected == read(metrics)["gpu_cascade_alarms_total"]
    assert b"sentence" not in metrics.render()[0]


def test_an_engine_is_in_one_state(metrics):
    """The state it left goes to 0."""
    for state in ("booting", "ready", "lost"):
        metrics(EngineChanged("small", state, "a detail"))
    states = read(metrics)["gpu_cascade_engine_state"]
    assert states[labels(engine="small", state="lost")] == 1
    assert sum(states.values()) == 1


def test_the_store_is_asked_when_metrics_are_read(metrics):
    """Pending, dropped, failing, as they are now."""
    seen = read(metrics)
    assert seen["gpu_cascade_store_pending"] == {labels(): 7}
    assert seen["gpu_cascade_store_dropped_total"] == {labels(): 2}
    assert seen["gpu_cascade_store_failing"] == {labels(): 1}


def test_every_metric_has_our_prefix(metrics):
    """Two gateways in one process have a registry each; the version stands beside them."""
    metrics(record())
    seen = read(metrics)
    assert all(name.startswith("gpu_cascade_") for name in seen)
    assert seen["gpu_cascade_info"] == {labels(version="1.2.3"): 1}
    assert "gpu_cascade_requests_total" not in read(Metrics(["cascade"], "1.2.3"))
