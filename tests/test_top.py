"""The live view: every number of the state in its place, readable without colour."""

import asyncio
import io

import aiohttp.web
import pytest
from rich.console import Console

from gpu_cascade.top import draw, watch

GIB = 2**30
STATE = {
    "version": "0.1",
    "engines": {
        "small": {
            "state": "ready",
            "moving": None,
            "kv_bytes": 2 * GIB,
            "running": 3,
            "places": 8,
            "waiting": 0,
            "oldest_s": None,
            "requests_per_s": 1.25,
            "busy_s": 61.7,
        },
        "large": {
            "state": "asleep",
            "moving": "wake",
            "kv_bytes": 20 * GIB,
            "running": 0,
            "places": 4,
            "waiting": 5,
            "oldest_s": 7.4,
            "requests_per_s": 0.5,
            "busy_s": 12.0,
        },
    },
    "cascades": {
        "policy": {"tiers": ["small", "large"], "recent": {"answers": 40, "share": 0.3, "trend": -0.1}}
    },
    "vram": {
        "mode": "sleep",
        "waiting": 5,
        "devices": [
            {
                "uuid": "GPU-1",
                "name": "NVIDIA H200",
                "total_bytes": 100 * GIB,
                "free_bytes": 60 * GIB,
                "held_bytes": {"small": 10 * GIB, "large": 30 * GIB},
                "utilisation": 0.5,
                "power_w": 300.0,
                "temperature_c": None,
            }
        ],
        "moves": [
            {"engine": "large", "kind": "sleep", "why": "", "took_s": 9.5, "wrong": "9.0 GiB are still held"},
            {"engine": "small", "kind": "boot", "why": "the first layout", "took_s": 40.0, "wrong": ""},
        ],
    },
}


def recorder(width=110):
    return Console(width=width, record=True, file=io.StringIO())


def text(renderable, width=110):
    console = recorder(width)
    console.print(renderable)
    return console.export_text()


def test_everything_is_there():
    """Devices by letters, engines, cascades, moves with what went wrong."""
    shown = text(draw("http://127.0.0.1:8000", STATE))

    assert (
        "NVIDIA H200      " + "A" * 5 + "B" * 15 + "·" * 30 + " 40.0 of 100.0 GiB used, 50 %, 300 W" in shown
    )
    assert "asleep → wake" in shown
    assert ["B", "large", "asleep", "→", "wake", "20.0", "0/4", "5", "7", "s", "0.50", "12"] in [
        line.split() for line in shown.splitlines()
    ]
    assert ["policy", "small", "→", "large", "40", "30", "%", "-10", "points"] in [
        line.split() for line in shown.splitlines()
    ]
    assert "sleep large (9.5 s): 9.0 GiB are still held" in shown
    assert "boot small (40.0 s): the first layout" in shown


def test_nothing_known_is_drawn_as_nothing():
    """A gateway that just started: no moves, no answers, no devices."""
    bare = {
        **STATE,
        "cascades": {"policy": {"tiers": ["a", "b"], "recent": {"answers": 0, "share": None, "trend": None}}},
        "vram": {"mode": "static", "waiting": 0, "devices": [], "moves": []},
    }

    assert "nothing was moved yet" in text(draw("http://x", bare))


@pytest.fixture
async def gateway():
    """A gateway that says its state."""

    async def answer(_):
        return aiohttp.web.json_response(STATE)

    app = aiohttp.web.Application()
    app.router.add_get("/v1/cascade/state", answer)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_without_a_terminal_it_is_drawn_once(gateway):
    """For a log or a pipe."""
    console = recorder()

    await watch(gateway, None, console)

    assert "NVIDIA H200" in console.export_text()


class Screen(io.StringIO):
    """A terminal that says when something stands on it."""

    def __init__(self, wanted):
        super().__init__()
        self.wanted, self.seen = wanted, asyncio.Event()

    def write(self, text):
        if self.wanted in text:
            self.seen.set()
        return super().write(text)


@pytest.mark.parametrize("there", [True, False])
async def test_on_a_terminal_it_goes_on(gateway, there):
    """Until it is interrupted; a gateway that is away is said, and waited for."""
    screen = Screen("last moves" if there else "trying again")
    console = Console(width=110, height=40, file=screen, force_terminal=True, color_system=None)
    watching = asyncio.ensure_future(watch(gateway if there else "http://127.0.0.1:9", None, console))

    await asyncio.wait_for(screen.seen.wait(), 30)
    assert not watching.done()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
