"""All numbers of a watched cascade: added up, kept over restarts, told."""

import msgspec
import pytest

from gpu_cascade.errors import ConfigError
from gpu_cascade.monitor.drift import Drift, told
from gpu_cascade.monitor.mean import Mean, added
from gpu_cascade.monitor.watch import Watch, compared, resumed, sentence, summary


def fresh(bound=0.05, alarm=0.001, comparator="exact"):
    return Watch(comparator, 0.02, Drift(bound, alarm))


def after(outcomes, watch=None, probability=0.02, predicted=None):
    watch = watch or fresh()
    for agreed in outcomes:
        watch = compared(watch, agreed, probability, predicted)
    return watch


def test_a_disagreement_is_a_loss():
    """Drift and mean see 1 where the answers differ, with full weight at the set share."""
    watch = after([True, False])

    assert told(told(Drift(0.05, 0.001), 0.0), 1.0) == watch.drift
    assert added(added(Mean(), 0.0), 1.0) == watch.disagreement


def test_a_share_that_was_raised_later_counts_less():
    """Twice as likely to be asked again, half the weight; a lower share never counts more than once."""
    raised = after([False], after([True]), probability=0.04)
    lowered = after([False], after([True]), probability=0.01)

    assert (1 / 3, 1 / 2) == pytest.approx((raised.disagreement.value, lowered.disagreement.value))


def test_predictions_are_judged_where_there_are_any():
    """Without a predicted probability there is no z."""
    assert after([True, False]).reliability.z is None
    assert after([True, False], predicted=0.9).reliability.z > 0


def test_a_watch_goes_on_where_it_watched_the_same():
    """Same bound, same comparator: what was seen is kept; the alarm follows the configuration."""
    before = after([True, False, True])

    after_restart = resumed(msgspec.json.encode(before), fresh(alarm=0.01))

    assert before.disagreement == after_restart.disagreement
    assert before.drift.stakes == after_restart.drift.stakes
    assert 0.01 == after_restart.drift.alarm


@pytest.mark.parametrize("other", [fresh(bound=0.06), fresh(comparator="f1")])
def test_a_watch_begins_anew_with_another_calibration(other):
    """What was seen against another bound or comparator says nothing now."""
    assert other == resumed(msgspec.json.encode(after([False])), other)


def test_nothing_stored_yet():
    """The first start of all."""
    assert fresh() == resumed(None, fresh())


@pytest.mark.parametrize("stored", [b"", b"{", b"\xff", b'{"comparator": "exact"}', b"[]"])
def test_a_broken_state_is_told_and_not_overlooked(stored):
    """Beginning anew would take back an alarm that nobody has looked into."""
    with pytest.raises(ConfigError, match=r"cannot be read .* delete it"):
        resumed(stored, fresh())


def test_an_alarm_survives_a_restart():
    """It is still one when read back."""
    alarmed = after([False] * 20)

    assert alarmed.alarmed
    assert resumed(msgspec.json.encode(alarmed), fresh()).alarmed


def test_the_summary_is_plain():
    """Numbers for the state page, unknown ones null."""
    told_ = summary(after([True] * 3 + [False]))

    assert (4, 0.25, 0.05) == (told_["compared"], told_["disagreement"], told_["tolerated"])
    assert (1000.0, False, None) == (told_["alarm_from"], told_["alarmed"], told_["z"])
    assert msgspec.json.encode(summary(fresh()))


def test_the_alarm_in_words():
    """Which cascade, how often, how much is tolerated, how sure, what happens now, and what to do."""
    said = sentence(after([False] * 20), "policy", "Drafts are still kept.")

    parts = ("cascade policy", "about 100.0 %", "5.0 % are tolerated", "1000 to 1", "still kept", "calibrate")
    assert [] == [part for part in parts if part not in said]
