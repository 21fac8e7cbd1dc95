"""The report on a terminal."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from .finding import Finding, State

_STYLES = {State.OK: "green", State.WARN: "yellow", State.FAIL: "bold red"}


def render(findings: Iterable[Finding]) -> Table:
    """A line for each finding, with the cure below what is not well.

    As `Text`, not markup: a cure may say `gpu-cascade[cpu]`.
    """
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        detail = Text(finding.detail)
        if finding.cure:
            detail.append(f"\n→ {finding.cure}", style="cyan")
        table.add_row(Text(finding.state, style=_STYLES[finding.state]), Text(finding.check), detail)
    return table
