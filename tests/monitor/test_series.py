"""What Prometheus reads of a monitor."""

from types import SimpleNamespace

from prometheus_client import CollectorRegistry, generate_latest

from gpu_cascade.monitor.drift import Drift
from gpu_cascade.monitor.series import ShadowCollector
from gpu_cascade.monitor.watch import Watch, compared


def registry(*outcomes):
    watch = Watch("exact", 0.02, Drift(0.05, 0.001))
    for agreed in outcomes:
        watch = compared(watch, agreed, 0.02, 0.9)
    shadow = SimpleNamespace(cascade="policy", watch=watch, waiting=3, dropped=2, failed=1)
    made = CollectorRegistry()
    made.register(ShadowCollector([shadow]))
    return made, watch


def read(made, name):
    return made.get_sample_value(f"gpu_cascade_{name}", {"model": "policy"})


def test_every_number_of_a_watched_cascade():
    """Its queue and its test, by the cascade's name."""
    made, watch = registry(True, False)
    expected = {
        "shadow_waiting": 3,
        "shadow_dropped_total": 2,
        "shadow_failed_total": 1,
        "drift_tolerated": 0.05,
        "drift_alarmed": 0,
        "drift_disagreement": watch.disagreement.lately,
        "drift_evidence": watch.drift.evidence,
        "reliability_z": watch.reliability.z,
    }

    assert expected == {name: read(made, name) for name in expected}


def test_an_alarm_is_a_one():
    """From the alarm on."""
    assert 1 == read(registry(*[False] * 20)[0], "drift_alarmed")


def test_what_nobody_can_say_is_left_out():
    """Before the first comparison there is no rate and no z, and not a zero."""
    samples = [line for line in generate_latest(registry()[0]).decode().splitlines() if line[0] != "#"]

    assert 6 == len(samples)
    assert [] == [line for line in samples if "drift_disagreement" in line or "reliability_z" in line]
