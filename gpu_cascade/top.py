"""`gpu-cascade top`: what the engines and their memory are doing, drawn again and again."""

import asyncio
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .errors import Unavailable
from .screen import state_of

EVERY_S = 1.0
BAR = 50  # cells
MOVES = 6
GIB = 2**30
COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")


async def watch(url: str, key: str | None, console: Console) -> None:
    """Draw until interrupted; a gateway that does not answer for a while is said, and waited for.

    Without a terminal: once.
    """
    if not console.is_terminal:
        console.print(draw(url, await state_of(url, key)), soft_wrap=True)
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(await _frame(url, key), refresh=True)
            await asyncio.sleep(EVERY_S)


async def _frame(url: str, key: str | None) -> RenderableType:
    try:
        return draw(url, await state_of(url, key))
    except Unavailable as error:
        return Text(f"{error.message}; trying again", style="red")


def draw(url: str, state: Mapping[str, Any]) -> RenderableType:
    """One frame: devices, engines, cascades, the last moves."""
    engines, vram = state["engines"], state["vram"]
    letters = {
        name: (chr(ord("A") + place % 26), COLOURS[place % len(COLOURS)])
        for place, name in enumerate(engines)
    }
    head = f"{url}   gpu-cascade {state['version']}   vram {vram['mode']}   {vram['waiting']} waiting"
    devices = [_device(device, letters) for device in vram["devices"]]
    return Group(
        Text(head, style="bold"),
        *devices,
        _engines(engines, letters),
        _cascades(state),
        _moves(vram["moves"]),
    )


def _device(device: Mapping[str, Any], letters: Mapping[str, tuple[str, str]]) -> Text:
    """What is booked, by engine; what is free by the books; and what is measured."""
    total = device["total_bytes"]
    line = Text(f"{device['name']:<16.16} ")
    cells = 0
    for name, held in device["held_bytes"].items():
        letter, colour = letters[name]
        count = round(BAR * held / total)
        line.append(letter * count, style=colour)
        cells += count
    line.append("·" * max(0, BAR - cells))
    used = (total - device["free_bytes"]) / GIB
    line.append(f" {used:.1f} of {total / GIB:.1f} GiB used{_extras(device)}")
    return line


def _extras(device: Mapping[str, Any]) -> str:
    """What only a GPU has."""
    shown = (("utilisation", 100, "%"), ("power_w", 1, "W"), ("temperature_c", 1, "°C"))
    found = [(device[name], factor, unit) for name, factor, unit in shown]
    return "".join(f", {value * factor:.0f} {unit}" for value, factor, unit in found if value is not None)


def _engines(engines: Mapping[str, Any], letters: Mapping[str, tuple[str, str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("", "engine", "state", "KV GiB", "running", "waiting", "oldest", "asked/s", "busy s"):
        table.add_column(name, justify="left" if name in ("", "engine", "state") else "right")
    for name, engine in engines.items():
        letter, colour = letters[name]
        state = engine["state"] + (f" → {engine['moving']}" if engine["moving"] else "")
        oldest = "" if engine["oldest_s"] is None else f"{engine['oldest_s']:.0f} s"
        places = f"{engine['running']}/{engine['places']}"
        kv = f"{engine['kv_bytes'] / GIB:.1f}" if engine["kv_bytes"] else ""
        counts = (
            kv,
            places,
            str(engine["waiting"]),
            oldest,
            f"{engine['requests_per_s']:.2f}",
            f"{engine['busy_s']:.0f}",
        )
        table.add_row(Text(letter, style=colour), name, state, *counts)
    return table


def _cascades(state: Mapping[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("cascade", "tiers", "answers in 5 min", "escalated", "trend"):
        table.add_column(name, justify="left" if name in ("cascade", "tiers") else "right")
    for name, cascade in state["cascades"].items():
        recent = cascade["recent"]
        share = "" if recent["share"] is None else f"{100 * recent['share']:.0f} %"
        trend = "" if recent["trend"] is None else f"{100 * recent['trend']:+.0f} points"
        table.add_row(name, " → ".join(cascade["tiers"]), str(recent["answers"]), share, trend)
    return table


def _moves(moves: list[Mapping[str, Any]]) -> Group:
    """The last moves with their reasons, the newest first."""
    lines = [
        Text(
            f"{move['kind']} {move['engine']} ({move['took_s']:.1f} s): {move['wrong'] or move['why']}",
            style="red" if move["wrong"] else "",
            overflow="ellipsis",
            no_wrap=True,
        )
        for move in moves[:MOVES]
    ]
    return Group(Text("last moves" if lines else "nothing was moved yet", style="bold"), *lines)
