"""The pool of connections, against a server that does what it is told."""

import asyncio
import socket

import pytest

from gpu_cascade.engines.http_client import HttpClient
from gpu_cascade.engines.http_connection import Connection
from gpu_cascade.errors import ConfigError

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Answers whatever comes with `OK`, and keeps silent where asked to; keeps what came, by connection."""

    def __init__(self):
        self.heard = []
        self.ends = []
        self.left = asyncio.Event()
        self.asked = asyncio.Event()

    def __call__(self):
        self.heard.append(b"")
        return End(self, len(self.heard) - 1)


class End(asyncio.Protocol):
    """The server's end of a connection."""

    def __init__(self, server, place):
        self.server, self.place = server, place

    def connection_made(self, transport):
        self.transport = transport
        self.server.ends.append(transport)

    def data_received(self, data):
        self.server.heard[self.place] += data
        if b"silent" in data:
            self.server.asked.set()
        else:
            self.transport.write(OK)

    def connection_lost(self, exc):
        self.server.left.set()


@pytest.fixture(params=["tcp", "unix"])
async def served(request, tmp_path):
    """A server and a client of it."""
    server = Server()
    if request.param == "unix":
        path = tmp_path / "x.sock"
        listening = await asyncio.get_running_loop().create_unix_server(server, str(path))
        client = HttpClient("http://engine/v1", path, {})
    else:
        listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        client = HttpClient(f"http://127.0.0.1:{port}/v1", None, {"authorization": "Bearer k3y"})
    yield server, client
    await client.close()
    for end in server.ends:
        end.abort()
    listening.close()
    await listening.wait_closed()


async def asked(client, body=b"{}", left_s=5.0):
    answer = await client.post("chat/completions", body, left_s)
    try:
        return answer.status, await answer.read()
    finally:
        answer.close()


async def test_a_connection_is_used_again(served):
    """One after the other on one connection, at once on two."""
    server, client = served

    assert [(200, b"ok")] * 2 == [await asked(client), await asked(client)]
    assert 1 == len(server.heard)
    await asyncio.gather(asked(client), asked(client))
    assert 2 == len(server.heard)


async def test_what_is_sent(served):
    """A request as any server reads it, with the key where there is one."""
    server, client = served
    await asked(client, b'{"a": 1}')

    head, _, body = server.heard[0].partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    found = dict(header.split(b": ") for header in headers)
    assert (b"POST /v1/chat/completions HTTP/1.1", b'{"a": 1}') == (line, body)
    assert (b"8", b"application/json") == (found[b"content-length"], found[b"content-type"])
    assert (found[b"host"] == b"engine") == (b"authorization" not in found)


async def test_a_connection_that_the_engine_closed_is_not_used(served):
    """Engines close what idles: the next request goes out on a new one."""
    server, client = served
    await asked(client)
    server.ends[0].close()
    await server.left.wait()

    assert (200, b"ok") == await asked(client)
    assert 2 == len(server.heard)


async def test_nothing_is_asked_twice_that_may_have_come(served):
    """An engine that closed after it was asked may be at work: that is an error."""
    server, client = served
    await asked(client)
    work = asyncio.ensure_future(asked(client, b"silent"))
    await server.asked.wait()
    server.ends[0].close()

    with pytest.raises(ConnectionError):
        await work
    assert 1 == len(server.heard)


async def test_a_request_that_cannot_have_come_is_asked_again(tmp_path, monkeypatch):
    """Closed between the look at a connection and the writing: none of it was read, so a new one is asked."""
    monkeypatch.setattr(Connection, "idle", property(lambda self: True))
    path = str(tmp_path / "x.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        client = HttpClient("http://engine/v1", tmp_path / "x.sock", {})
        for _ in range(2):
            work = asyncio.ensure_future(asked(client))
            other = await asyncio.to_thread(lambda: listening.accept()[0])
            await asyncio.to_thread(other.recv, 65536)
            other.sendall(OK)
            assert (200, b"ok") == await work
            other.close()  # and the loop has not looked yet when the next one is asked
        await client.close()


async def test_who_leaves_ends_the_work(served):
    """A cancelled request closes its connection, and the engine sees that."""
    server, client = served
    work = asyncio.ensure_future(asked(client, b"silent"))
    await server.asked.wait()

    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    async with asyncio.timeout(5):
        await server.left.wait()


async def test_closing_aborts_what_runs(served):
    """Nothing outlives the pool."""
    server, client = served
    work = asyncio.ensure_future(asked(client, b"silent"))
    await server.asked.wait()

    await client.close()

    with pytest.raises(ConnectionError):
        await work


async def test_a_deadline_holds(served):
    """For an answer that does not come."""
    with pytest.raises(TimeoutError):
        await asked(served[1], b"silent", 0.05)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "http://nowhere.invalid/v1"])
async def test_nobody_there(url):
    """A port that nobody has and a name that nobody knows are broken connections."""
    with pytest.raises(ConnectionError):
        await asked(HttpClient(url, None, {}))


def test_a_key_that_would_end_its_header():
    """A line break at the end of a key, as files have it, is told at the start."""
    with pytest.raises(ConfigError, match="authorization"):
        HttpClient("http://x/v1", None, {"authorization": "Bearer k\n"})
