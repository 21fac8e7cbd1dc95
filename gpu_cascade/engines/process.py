"""A child process under a guard: started, watched, stopped, and proven gone. Knows nothing of vLLM."""

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import guard

log = logging.getLogger(__name__)

GRACE_S = 5.0  # SIGTERM to SIGKILL; vLLM 0.32 ends by itself within 3 s on two idle cores
KILL_S = 5.0  # how long SIGKILL may take: memory of a large process is not freed at once


class GuardedProcess:
    """One process with all that it starts, in one session under a guard. For one start only.

    `exited` is set when the guard is gone and no process of the session is left; then `returncode` is the
    process' exit code (128 + n for signal n) and `left` names those that even SIGKILL did not end.
    """

    def __init__(self, name: str, log_path: Path, *, grace_s: float = GRACE_S) -> None:
        self.name = name
        self.log_path = log_path
        self.exited = asyncio.Event()
        self.returncode: int | None = None
        self.left: list[int] = []
        self._grace_s = grace_s
        self._guard: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def started(self) -> bool:
        """Whether there ever was a process."""
        return self._guard is not None

    @property
    def session(self) -> int:
        """The session of the process and everything below it: the guard's pid."""
        assert self._guard is not None, "not started"
        return self._guard.pid

    def members(self) -> list[int]:
        """The living processes of the session, the guard among them."""
        return guard.members(self.session)

    async def start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        *,
        cwd: Path | None = None,
        unlink: Path | None = None,
    ) -> None:
        """Start `argv`; `unlink` is a socket file that goes when the process is gone."""
        # -I -S: a guard that needs no site-packages starts in 15 ms, and no PYTHON* variable can break it.
        command = [sys.executable, "-I", "-S", guard.__file__, *self._options(unlink), "--", *argv]
        self._guard = await asyncio.create_subprocess_exec(
            *command,
            env=dict(env),  # uvloop takes nothing else
            cwd=cwd,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        self._watch = asyncio.create_task(self._until_gone(self._guard), name=f"watch {self.name}")

    async def wait(self) -> int:
        """The exit code, once nothing of the session is left."""
        await self.exited.wait()
        assert self.returncode is not None
        return self.returncode

    async def stop(self) -> list[int]:
        """SIGTERM, the grace, SIGKILL. Returns the pids that survived even that; none: all are gone."""
        if self._guard is None:
            return []
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            self._guard.terminate()  # a forked child of ours may hold the pipe open: then only this arrives
        for limit_s in (self._grace_s + KILL_S, 2 * KILL_S):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await self.exited.wait()
                    return self.left
            guard.kill(self.members())  # the guard itself hangs, or somebody stopped it
        return self.members()

    def tail(self, lines: int) -> list[str]:
        """The last lines of what the process wrote since its start."""
        try:
            with self.log_path.open(errors="replace") as file:
                return [line.rstrip("\n") for line in deque(file, lines)]
        except OSError:
            return []

    def _options(self, unlink: Path | None) -> list[str]:
        options = ["--parent", str(os.getpid()), "--grace-s", str(self._grace_s), "--log", str(self.log_path)]
        return [*options, "--unlink", str(unlink)] if unlink else options

    async def _until_gone(self, keeper: asyncio.subprocess.Process) -> None:
        code = await keeper.wait()
        self.left = await self._kill_rest()
        self.returncode = code if code >= 0 else 128 - code
        self.exited.set()

    async def _kill_rest(self) -> list[int]:
        """There is a rest only where the guard itself was killed."""
        began = time.monotonic()
        while rest := self.members():
            since_s = time.monotonic() - began
            if since_s > KILL_S:
                log.error("%s: SIGKILL did not end %s", self.name, rest)
                return rest
            guard.kill(guard.doomed(rest, since_s))
            await asyncio.sleep(guard.TICK_S)
        return []
