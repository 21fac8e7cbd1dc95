"""One HTTP connection, fed by hand: wherever bytes are cut, an answer is whole or an error."""

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.engines.http_connection import HIGH_BYTES, Connection

LENGTH, CHUNKED, UNTIL_CLOSED = "length", "chunked", "until closed"


class Wire(asyncio.Transport):
    """A transport that remembers what was done to it."""

    def __init__(self):
        super().__init__()
        self._socket, self._other = socket.socketpair()
        self.written, self.reading, self.cut = b"", True, False

    def get_extra_info(self, name, default=None):
        return self._socket

    def write(self, data):
        self.written += data

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

    def abort(self):
        if not self.cut:
            self.cut = True
            asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)

    def end(self):
        self._socket.close()
        self._other.close()


class Home:
    """Who keeps connections."""

    def __init__(self):
        self.idle, self.gone = [], []

    def free(self, connection):
        self.idle.append(connection)

    def ended(self, connection):
        self.gone.append(connection)


def run(test):
    """A test on a fresh loop, given a connection, its wire and its home."""

    async def go():
        home, wire = Home(), Wire()
        connection = wire.connection = Connection(home)
        connection.connection_made(wire)
        try:
            await test(connection, wire, home)
        finally:
            wire.end()

    asyncio.run(go())


def answer(body, framing, status=200):
    """Its bytes."""
    head = b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n" % status
    if framing == LENGTH:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    if framing == CHUNKED:
        parts = [body[at : at + 7] for at in range(0, len(body), 7)]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    return head + b"\r\n" + body


@st.composite
def pieces(draw, data):
    """The data, cut anywhere."""
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(data) - 1)), max_size=8)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


bodies = st.binary(max_size=60)
framings = st.sampled_from([LENGTH, CHUNKED, UNTIL_CLOSED])


@given(st.data(), bodies, framings, st.sampled_from([200, 400, 503]), st.booleans())
def test_any_split_gives_the_same_answer(data, body, framing, status, interim):
    """Status and body, also after an interim one; a framed answer leaves the connection for the next."""
    sent = (b"HTTP/1.1 100 Continue\r\n\r\n" if interim else b"") + answer(body, framing, status)

    async def check(connection, wire, home):
        connection.send(b"ask", None)
        for piece in data.draw(pieces(sent)):
            connection.data_received(piece)
        if framing == UNTIL_CLOSED:
            connection.connection_lost(None)
        assert status == await connection.head()
        assert body == await connection.read()
        connection.close()
        assert (framing != UNTIL_CLOSED) == connection.idle == bool(home.idle)

    run(check)


@given(st.data(), st.binary(min_size=1, max_size=60), st.sampled_from([LENGTH, CHUNKED]), st.booleans())
def test_a_cut_anywhere_is_an_error(data, body, framing, reset):
    """However the connection broke: what had come of the body by then is a beginning, and not the end."""
    sent = answer(body, framing)
    kept = sent[: data.draw(st.integers(0, len(sent) - 1))]

    async def check(connection, wire, home):
        connection.send(b"ask", None)
        for piece in data.draw(pieces(kept)):
            connection.data_received(piece)
        connection.connection_lost(OSError("reset") if reset else None)
        seen = b""
        with pytest.raises((ConnectionError, OSError)):
            await connection.head()
            while more := await connection.some():
                seen += more
        assert body.startswith(seen)
        connection.close()
        assert not home.idle

    run(check)


@given(st.data(), bodies, bodies, framings.filter(lambda framing: framing != UNTIL_CLOSED))
def test_answers_follow_each_other(data, first, second, framing):
    """The second request on a connection gets the second answer."""

    async def check(connection, wire, home):
        for body in (first, second):
            connection.send(b"ask", None)
            for piece in data.draw(pieces(answer(body, framing))):
                connection.data_received(piece)
            assert body == await connection.read()
            connection.close()
        assert b"askask" == wire.written

    run(check)


@pytest.mark.parametrize(
    "sent",
    [b"220 smtp\r\n", b"HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\nabcd HTTP", answer(b"a", LENGTH) * 2],
)
def test_what_is_no_answer_to_what_was_asked(sent):
    """Noise in place of an answer, or after it, ends the connection; an answer that was whole stays."""

    async def check(connection, wire, home):
        connection.send(b"ask", None)
        connection.data_received(sent)
        if sent.startswith(b"HTTP"):
            assert b"a" == await connection.read()
        else:
            with pytest.raises(ConnectionError, match="no HTTP"):
                await connection.read()
        connection.close()
        assert wire.cut
        assert not home.idle

    run(check)


def test_an_unread_rest_is_aborted():
    """The engine has to see that nobody reads on."""

    async def check(connection, wire, home):
        connection.send(b"ask", None)
        connection.data_received(answer(b"much more", LENGTH)[:-1])
        await connection.head()
        connection.close()
        assert wire.cut
        await asyncio.sleep(0)
        assert ([], [connection]) == (home.idle, home.gone)

    run(check)


def test_a_slow_reader_makes_the_engine_wait():
    """What nobody reads is held back where it comes from, and comes on when it is read."""

    async def check(connection, wire, home):
        part = b"x" * (HIGH_BYTES // 2)
        connection.send(b"ask", None)
        connection.data_received(answer(b"", LENGTH).replace(b": 0", b": %d" % (3 * len(part))) + part)
        assert wire.reading
        connection.data_received(part)
        connection.data_received(b"x")
        assert not wire.reading

        assert 2 * len(part) + 1 == len(await connection.some())
        rest = asyncio.ensure_future(connection.some())
        await asyncio.sleep(0)
        assert wire.reading
        connection.data_received(part[1:])
        assert len(part) - 1 == len(await rest)

    run(check)


def test_a_deadline_ends_it():
    """Nobody waits longer, and the engine is told."""

    async def check(connection, wire, home):
        connection.send(b"ask", 0.01)
        with pytest.raises(TimeoutError):
            await connection.read()
        connection.close()
        assert wire.cut

    run(check)


def test_an_engine_that_closed_is_noticed_before_it_is_asked():
    """The kernel knows what the loop has not seen yet."""

    async def check(connection, wire, home):
        assert connection.idle
        wire._other.close()
        assert not connection.idle

    run(check)
