"""Thresholds that keep a promise, and what a cascade is worth."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .shared import IMPOSSIBLE, MODELS_YAML, AsJson, ConfigPath, cli, show


@cli.command()
def calibrate(
    rows: Annotated[Path, typer.Argument(help="Labelled rows, JSON lines.")],
    cascade: Annotated[str, typer.Option(help="The cascade that is to be certified.")],
    target_loss: Annotated[float, typer.Option(min=0, max=1, help="0.02: at most 2 points worse.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The calibration that `serve` applies.")],
    confidence: Annotated[float, typer.Option(min=0.5, max=0.9999)] = 0.9,
    signal: Annotated[str, typer.Option(help="auto, learned, or the name of a signal.")] = "auto",
    labels: Annotated[str, typer.Option(help="auto, paired, small-only or none.")] = "auto",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    config: ConfigPath = MODELS_YAML,
    fake: Annotated[bool, typer.Option("--fake", hidden=True)] = False,
    script: Annotated[Path | None, typer.Option(hidden=True)] = None,
    json: AsJson = False,
) -> None:
    """Find the cheapest threshold that keeps a promise, and certify it on labelled rows."""
    from .. import calibration, screen
    from ..calibrate import report
    from ..config import load
    from ..wiring import Options

    loaded, options = load(config), Options(None, fake or script is not None, script)
    wanted = calibration.wanted(loaded, cascade, target_loss, confidence, signal, labels, seed)
    with screen.Collecting(Console(stderr=True)) as progress:
        made, _ = calibration.run(calibration.Job(loaded, cascade, rows, out, options), wanted, progress)
    show(report.as_json(made), json, "\n".join(report.lines(made)))
    raise typer.Exit(0 if made.certificate.certified else IMPOSSIBLE)


@cli.command()
def evaluate(
    rows: Annotated[Path, typer.Argument(help="Labelled rows with every tier's answers, JSON lines.")],
    cascade: Annotated[str | None, typer.Option(help="The first cascade without.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where the HTML report goes.")] = None,
    target_loss: Annotated[float, typer.Option(min=0, max=1)] = 0.02,
    config: ConfigPath = MODELS_YAML,
    json: AsJson = False,
) -> None:
    """What a cascade is worth on these rows: curves, costs, baselines, intervals, as one page."""
    from .. import calibration
    from ..config import load

    found = calibration.evaluate(load(config), cascade, rows, target_loss)
    if out is not None:
        out.write_text(found.page, encoding="utf-8")
    show(found.numbers, json, found.summary if out is None else f"{found.summary}\n{out}")
