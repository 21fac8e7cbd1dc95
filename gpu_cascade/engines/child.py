"""An engine as a child process on a Unix socket: boot until it has answered, stop until nothing is left."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from ..errors import BootError, CascadeError, ConfigError
from .boot_log import cause, last_lines
from .probe import Facts, Probe
from .process import GuardedProcess

POLL_S = 0.2
LOG_LINES = 15  # of a failed boot's log go into the error
READ_LINES = 2000  # are searched for the cause
WRONG_USE = 2  # argparse's exit code
SOCKET_BYTES = 107  # sun_path of a Unix socket, without its final zero


@dataclass(frozen=True, slots=True)
class Command:
    """What starts an engine that then speaks vLLM's HTTP on `socket`."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    socket: Path
    log_path: Path
    boot_timeout_s: float = 900


class EngineProcess:
    """One engine under its guard; after `stop` it may be booted again. `facts` are the last boot's."""

    def __init__(self, command: Command) -> None:
        self.name = command.name
        self.socket = command.socket
        self.facts: Facts | None = None
        self._command = command
        self._process = GuardedProcess(command.name, command.log_path)
        self._probe = Probe(command.name, command.socket)

    def use(self, command: Command) -> None:
        """Boot with this from now on; the socket stays."""
        assert command.socket == self.socket, f"{command.socket} is not {self.socket}"
        self._command = command

    @property
    def session(self) -> int | None:
        """The session of all its processes; None before its first boot."""
        return self._process.session if self._process.started else None

    def members(self) -> list[int]:
        """Its living processes, the guard among them; none before its first boot."""
        return self._process.members() if self._process.started else []

    async def boot(self) -> None:
        """Start it, and wait for its first answer. Raises `BootError` or `ConfigError`."""
        command = self._command
        _check_socket(self.socket)
        self.socket.unlink(missing_ok=True)  # vLLM does not remove what a killed engine left, and fails on it
        self._process = GuardedProcess(self.name, command.log_path)
        try:
            async with asyncio.timeout(command.boot_timeout_s):
                await self._process.start(command.argv, command.env, unlink=self.socket)
                await self._until_ready()
        except (TimeoutError, OSError, CascadeError, aiohttp.ClientError) as error:
            await self.stop()
            raise self._failed(_told(error, command.boot_timeout_s)) from error
        except asyncio.CancelledError:
            await self.stop()
            raise

    async def healthy(self) -> bool:
        """Whether it answers at all."""
        return await self._probe.healthy()

    async def wait_exit(self) -> str:
        """Wait for its end, which nobody asked for; says how it ended."""
        code = await self._process.wait()
        return f"it {_ending(code)}{_why(self._process.tail(READ_LINES))}"

    async def stop(self) -> list[int]:
        """End it. The pids that even SIGKILL did not end: none, normally."""
        await self._probe.close()
        self._probe = Probe(self.name, self.socket)
        return await self._process.stop()

    async def _until_ready(self) -> None:
        while not await self._probe.healthy():
            if self._process.exited.is_set():
                raise BootError(f"it {_ending(await self._process.wait())}")
            await asyncio.sleep(POLL_S)
        await self._probe.canary()
        self.facts = await self._probe.facts()

    def _failed(self, what: str) -> CascadeError:
        lines = self._process.tail(READ_LINES)
        reason = _why(lines)
        if self._process.returncode == WRONG_USE:
            return ConfigError(
                f"the command line of {self.name} was refused{reason}; change engines.{self.name}"
            )
        text = "\n  ".join(last_lines(lines, LOG_LINES))
        log_path = self._command.log_path
        return BootError(f"{self.name} did not start: {what}{reason}\n{log_path} ends with\n  {text}")


def _told(error: Exception, limit_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"it was not ready after {limit_s:g} s (boot_timeout_s)"
    return str(error)


def _ending(code: int) -> str:
    return f"was killed by signal {code - 128}" if code > 128 else f"ended with exit code {code}"


def _why(lines: list[str]) -> str:
    found = cause(lines)
    return f": {found}" if found else ""


def _check_socket(path: Path) -> None:
    length = len(bytes(path))
    if length > SOCKET_BYTES:
        raise ConfigError(
            f"{path} has {length} bytes, a Unix socket's path holds {SOCKET_BYTES}: use a shorter folder"
        )
