"""Asks the engines of a cascade everything that a calibration needs to know."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from ..calibrate.collect import Collecting, Collector, Progress
from ..calibrate.journal import Journal, write_rows
from ..calibrate.rows import Row
from ..cascade.checks.build import build, failed, run
from ..config import Config
from ..types import Final, Request
from .engines import Options, engines_alone

AT_ONCE = 8


async def collected(
    config: Config,
    name: str,
    tiers: Sequence[str],
    rows: Sequence[Row],
    out: Path,
    options: Options,
    told: Callable[[Progress], None],
) -> list[Row]:
    """The rows with the answer of every tier in `tiers`; in a journal beside `out` until all are there."""
    made = config.cascades[name]
    judge = made.verify.by if made.verify else None
    wanted = [*tiers, *([judge] if judge and judge not in tiers else [])]
    judged = {judge: made.tiers[:-1]} if judge else {}
    if complete(rows, tiers, judged):
        return list(rows)
    with Journal(out.with_suffix(".journal.jsonl"), rows) as journal:
        async with engines_alone(config, options) as engines:
            asked = {tier: engines.leased[tier] for tier in wanted}
            plan = Collecting(asked, made.sampling, judged, AT_ONCE, passes=_passes(config, name))
            answered = await Collector(plan, journal, told).run()
    write_rows(out, answered)
    journal.path.unlink()
    return answered


def complete(rows: Sequence[Row], tiers: Sequence[str], judged: dict[str, list[str]]) -> bool:
    """Whether the rows carry everything already; then no engine is needed."""
    return all(
        tier in row.tiers
        and all(j in row.tiers[tier].p_true for j, drafts in judged.items() if tier in drafts)
        for row in rows
        for tier in tiers
    )


def _passes(config: Config, name: str) -> Callable[[Request, Final], Awaitable[bool]]:
    checks = build(config.cascades[name].checks, config.resolve)

    async def passes(request: Request, draft: Final) -> bool:
        return failed(checks, await run(checks, request, draft)) is None

    return passes
