"""An analysis as one HTML page: no script, nothing from elsewhere, no prompt and no answer."""

from collections.abc import Callable

from jinja2 import Environment, PackageLoader, StrictUndefined

from . import words
from .drawings import cost_quality, deferral, reliability
from .results import Analysis, Estimate

FORMS: dict[str, Callable[[float | None], str]] = {
    "number": words.number,
    "share": words.share,
    "points": words.points,
    "seconds": words.seconds,
}


def render(analysis: Analysis) -> str:
    """The page, complete in itself; whatever comes from data is escaped."""
    pairs = [
        (
            pair,
            deferral(analysis, pair, f"deferral{place}"),
            reliability(analysis, pair, f"reliability{place}"),
        )
        for place, pair in enumerate(analysis.pairs)
    ]
    template = _environment().get_template("report.html.j2")
    return template.render(analysis=analysis, pairs=pairs, cost_quality=cost_quality(analysis, "cost"))


def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("gpu_cascade.evaluate", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= FORMS | {"interval": _interval, "threshold": words.threshold, "label": words.label}
    return found


def _interval(estimate: Estimate, form: str) -> str:
    return words.interval(estimate, FORMS[form])
