"""What was certified, and the sentence that says so. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Which loss a certificate bounds; it follows from what the rows are labelled with."""

    PAIRED = "paired"  # gold for all tiers: the last tier's score minus the score of what was answered
    KEPT_ERROR = "kept_error"  # gold for the draft only: the share of kept drafts that are wrong
    AGREEMENT = "agreement"  # no gold: the share of kept drafts unlike the last tier's answer


@dataclass(frozen=True, slots=True)
class Certificate:
    """One run of the test over all policies. `index` None: none passed, and everything escalates.

    Losses lie in [-1, 1] for `paired` (0.02 is two points), in [0, 1] otherwise. `observed_loss` is the plain
    mean over rows (over kept rows for the other kinds). `p_value` is the accepted policy's, or that of the
    first tested where none passed; `cluster_upper` the bound of the same policy by cluster bootstrap, None
    where no group has two rows.

    It holds for traffic drawn like these rows, answered by the same models, quantisation, prompts and
    sampling, and for one look at these rows: a second try needs new ones.
    """

    kind: Kind
    target_loss: float
    confidence: float
    rows: int
    groups: int
    index: int | None
    p_value: float
    observed_loss: float
    kept: int
    escalation: float
    cluster_upper: float | None = None

    @property
    def certified(self) -> bool:
        """Whether any policy passed."""
        return self.index is not None


def sentence(certificate: Certificate) -> str:
    """The certificate in one line: what holds, how surely, from how many rows, and what it costs."""
    sure = f"{certificate.confidence * 100:g} % confidence"
    if not certificate.certified:
        return (
            f"Not certifiable: {_rows(certificate)} do not show with {sure} that {_wanted(certificate)} "
            "at any threshold; everything escalates."
        )
    kept = "" if certificate.kind is Kind.PAIRED else f", {certificate.kept:,} kept"
    escalates = f"escalates {certificate.escalation * 100:.0f} %"
    return f"With {sure} {_held(certificate)}; n={_rows(certificate, '')}{kept}; {escalates}."


def _held(certificate: Certificate) -> str:
    limit = certificate.target_loss
    if certificate.kind is Kind.PAIRED:
        return f"at most {points(limit)} worse than always-large"
    if certificate.kind is Kind.KEPT_ERROR:
        return f"at most {limit * 100:g} % of kept answers are wrong"
    return f"at least {(1 - limit) * 100:g} % of kept answers agree with the large model's, right or wrong"


def _wanted(certificate: Certificate) -> str:
    if certificate.kind is Kind.PAIRED:
        return f"a cascade is {_held(certificate)}"
    return _held(certificate)


def _rows(certificate: Certificate, unit: str = " rows") -> str:
    grouped = certificate.groups < certificate.rows
    return f"{certificate.rows:,}{unit}" + (f" in {certificate.groups:,} groups" if grouped else "")


def points(loss: float) -> str:
    """A loss in [0, 1] as points of a hundred: 0.02 is "2 points"."""
    count = f"{loss * 100:g}"
    return f"{count} point" + ("" if count == "1" else "s")
