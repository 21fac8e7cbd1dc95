"""Worker processes are kept going, within bounds, and end with who keeps them."""

import asyncio
import os
import signal
import socket
import sys

import pytest

from gpu_cascade.errors import CascadeError
from gpu_cascade.workers.crew import Crew, Patience

from ..serving import alive

PROMPT = Patience(starts=3, back_off_s=0.001, stop_s=20)
# Says its errand and the name of the inherited socket, then stays until it is told to go.
STAYS = """
import os, signal, socket, sys
said = sys.stdin.read()
port = socket.socket(fileno=int(sys.argv[1])).getsockname()[1]
print(said, port, file=open(sys.argv[2] + said, "a"), flush=True)
signal.pause()
"""


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken


def crew(port, tmp_path, code=STAYS, patience=PROMPT):
    argv = (sys.executable, "-c", code, str(port.fileno()), str(tmp_path / "said"))
    return Crew(2, argv, lambda number: f"{number}".encode(), port.fileno(), patience)


async def until(happened):
    while not happened():
        await asyncio.sleep(0.005)


async def opened(made, *seats):
    """Open it; each seat's worker is said to serve as soon as it is there."""
    opening = asyncio.ensure_future(made.open())
    for seat in seats or made.seats:
        await until(lambda seat=seat: seat.process is not None)
        made.serves(seat.number)
    await opening


async def test_each_has_its_errand_and_the_port(port, tmp_path):
    """Told over standard input, which nobody else can read; the port is the one that was bound before."""
    made = crew(port, tmp_path)
    await opened(made)

    said = [tmp_path / f"said{number}" for number in (1, 2)]
    await until(lambda: all(path.exists() and path.read_text().endswith("\n") for path in said))

    bound = port.getsockname()[1]
    assert [f"1 {bound}\n", f"2 {bound}\n"] == [path.read_text() for path in said]
    pids = [seat.pid for seat in made.seats]
    await made.close()
    assert not any(alive(pid) for pid in pids)


async def test_one_that_is_killed_is_started_again(port, tmp_path):
    """Another process sits there, and the state says what became of the first."""
    made = crew(port, tmp_path)
    await opened(made)
    first = made.seats[0].pid

    os.kill(first, signal.SIGKILL)
    await until(lambda: made.seats[0].pid != first)

    shown = made.state()[0]
    assert (2, "starting") == (shown["starts"], shown["state"])
    assert f"process {first} was killed by signal 9" == shown["detail"]
    assert "serving" == made.state()[1]["state"]
    await made.close()


async def test_one_that_cannot_stay_is_given_up(port, tmp_path):
    """After so many ends in a row; the others go on."""
    made = crew(port, tmp_path)
    await opened(made)
    for life in range(1, PROMPT.starts + 1):
        await until(lambda life=life: made.seats[0].starts == life and (tmp_path / "said1").exists())
        (tmp_path / "said1").unlink()
        made.seats[0].process.kill()

    await until(lambda: made.seats[0].given_up)

    assert ["failed", "serving"] == [seat["state"] for seat in made.state()]
    assert "ended 3 times in a row" in made.state()[0]["detail"]
    lasting = asyncio.ensure_future(made.lasting())
    await asyncio.sleep(0)
    assert not lasting.done()
    lasting.cancel()
    await made.close()


async def test_where_none_can_stay_that_is_an_error(port, tmp_path):
    """It names each, how it ended, and how often."""
    made = crew(port, tmp_path, "import sys; sys.exit(7)")

    with pytest.raises(CascadeError, match=r"worker 1 ended 3 times.*exit code 7; worker 2 ended 3 times"):
        await made.open()

    with pytest.raises(CascadeError, match="no gateway worker serves any more"):
        await made.lasting()
    await made.close()


async def test_one_that_served_for_long_begins_anew(port, tmp_path):
    """Its ends are not in a row with those of hours ago."""
    made = crew(port, tmp_path, patience=Patience(starts=2, back_off_s=0.001, steady_s=0, stop_s=20))
    await opened(made)
    seat = made.seats[0]

    for life in range(1, 4):
        await until(lambda life=life: seat.starts == life and seat.process is not None)
        made.serves(1)
        seat.process.kill()

    await until(lambda: seat.starts == 4)
    assert not seat.given_up
    await made.close()


async def test_one_that_does_not_go_is_killed(port, tmp_path):
    """After the time that answers under way have."""
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{STAYS}"
    made = crew(port, tmp_path, deaf, Patience(stop_s=0.2))
    await opened(made)
    await until(lambda: all((tmp_path / f"said{number}").exists() for number in (1, 2)))
    pids = [seat.pid for seat in made.seats]

    await made.close()

    assert not any(alive(pid) for pid in pids)
