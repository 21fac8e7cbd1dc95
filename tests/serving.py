"""A `gpu-cascade serve` in a process of its own, for tests that kill, stop and look at it from outside."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from gpu_cascade.running import find

COMMAND = (sys.executable, "-m", "gpu_cascade.cli")


class Serve:
    """The process, its folder and its address. A client waits for `patience_s` for its answer."""

    patience_s = 150

    def __init__(self, folder, yaml, *options, **popen):
        self.folder = folder
        self.config = folder / "models.yaml"
        self.config.write_text(yaml)
        self.output = folder / "serve.log"
        argv = [*COMMAND, "serve", "--config", str(self.config), "--port", "0", *options]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                argv, stdout=output, stderr=output, start_new_session=True, cwd=folder, **popen
            )

    @property
    def url(self):
        running = find(self.folder / "state")
        return running.url if running else ""

    def ready(self, within_s=30):
        """Wait until /readyz says so."""
        until(
            lambda: self.process.poll() is not None or (self.url and self.get("/readyz")[0] == 200), within_s
        )
        assert self.process.poll() is None, self.output.read_text()
        return self

    def get(self, path):
        return self._open(urllib.request.Request(self.url + path))

    def ask(self, text="Is travel refundable?", model="cascade", **more):
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        headers = {"content-type": "application/json"}
        url = f"{self.url}/v1/chat/completions"
        return self._open(urllib.request.Request(url, json.dumps(body).encode(), headers))

    def sessions(self):
        """Every process of this serve: its own, and those of its guards' sessions."""
        return [pid for pid in processes() if self.process.pid in ancestors(pid)]

    def state(self):
        return self.get("/v1/cascade/state")[1]

    def stop(self):
        """End it; afterwards nothing of it is left."""
        mine = self.sessions()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        for pid in mine:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)

    def _open(self, request):
        try:
            with urllib.request.urlopen(request, timeout=self.patience_s) as response:
                status, body = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
        return status, json.loads(body)


def scripted(folder, yaml, script, *options, **popen):
    """A serve whose engines say what stands in `script`."""
    written = folder / "script.json"
    written.write_text(json.dumps(script))
    return Serve(folder, yaml, "--script", str(written), *options, **popen)


def until(happened, within_s=10):
    """Look until it has happened; an outside process has no event to wait for."""
    end = time.monotonic() + within_s
    while not (found := happened()):
        assert time.monotonic() < end, f"it did not happen within {within_s} s"
        time.sleep(0.05)
    return found


def processes():
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def alive(pid):
    """Whether the process runs; a zombie does not."""
    return stat(pid)[0] not in {"", "Z"}


def ancestors(pid):
    """The process and its parents, up to init."""
    line = []
    while pid > 1 and pid not in line:
        line.append(pid)
        pid = int(stat(pid)[1] or 0)
    return line


def stat(pid):
    """State and parent of a process, as /proc says."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[1]


def cmdline(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def listening(pids):
    """(address, port) of every TCP socket that these processes listen on."""
    inodes = {inode for pid in pids for inode in _sockets(pid)}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, port = fields[1].split(":")
                found.add((address, int(port, 16)))
    return found


def _sockets(pid):
    with contextlib.suppress(OSError):
        for entry in list(Path(f"/proc/{pid}/fd").iterdir()):
            target = str(entry.readlink())
            if target.startswith("socket:["):
                yield target[8:-1]
