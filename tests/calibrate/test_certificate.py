"""The sentence a certificate is quoted by."""

from dataclasses import replace

import pytest

from gpu_cascade.calibrate.certificate import Certificate, Kind, points, sentence

PAIRED = Certificate(
    kind=Kind.PAIRED,
    target_loss=0.02,
    confidence=0.9,
    rows=1000,
    groups=1000,
    index=37,
    p_value=0.04,
    observed_loss=0.008,
    kept=650,
    escalation=0.35,
)


def test_the_paired_sentence():
    """What holds, how surely, from how many rows, and what it costs."""
    expected = "With 90 % confidence at most 2 points worse than always-large; n=1,000; escalates 35 %."

    assert expected == sentence(PAIRED)


def test_groups_are_named_where_rows_repeat_in_them():
    """So a reader sees how many independent things the promise rests on."""
    assert "n=1,000 in 210 groups; escalates" in sentence(replace(PAIRED, groups=210))


def test_errors_among_kept_are_worded_as_such():
    """Small-only labels say nothing about the large model."""
    expected = (
        "With 95 % confidence at most 5 % of kept answers are wrong; n=1,000, 650 kept; escalates 35 %."
    )

    told = sentence(replace(PAIRED, kind=Kind.KEPT_ERROR, target_loss=0.05, confidence=0.95))

    assert expected == told


def test_without_labels_it_is_agreement():
    """Nobody said what is right, so the sentence does not either."""
    expected = (
        "With 90 % confidence at least 95 % of kept answers agree with the large model's, right or wrong; "
        "n=1,000, 650 kept; escalates 35 %."
    )

    assert expected == sentence(replace(PAIRED, kind=Kind.AGREEMENT, target_loss=0.05))


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (Kind.PAIRED, "a cascade is at most 2 points worse than always-large"),
        (Kind.KEPT_ERROR, "at most 2 % of kept answers are wrong"),
        (Kind.AGREEMENT, "at least 98 % of kept answers agree with the large model's, right or wrong"),
    ],
)
def test_what_could_not_be_certified_escalates(kind, wanted):
    """No index: the sentence says what was not shown, and what happens."""
    expected = (
        f"Not certifiable: 120 rows in 9 groups do not show with 90 % confidence that {wanted} "
        "at any threshold; everything escalates."
    )
    none = replace(PAIRED, kind=kind, index=None, rows=120, groups=9)

    assert not none.certified
    assert expected == sentence(none)


def test_points_are_counted():
    """One point, and more or parts of one."""
    assert ("1 point", "2.5 points", "0.5 points") == (points(0.01), points(0.025), points(0.005))


def test_float_dust_does_not_show():
    """1 - 0.07 and 0.29 * 100 are printed as people write them."""
    assert "29 points" == points(0.29)
    assert "at least 93 %" in sentence(replace(PAIRED, kind=Kind.AGREEMENT, target_loss=0.07))
