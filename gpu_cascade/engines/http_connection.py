"""One HTTP/1.1 connection to an engine: a request goes out, its answer comes in as the bytes do."""

import asyncio
import select
from typing import Protocol, cast

import httptools

HIGH_BYTES = 256 << 10  # of a stream that nobody reads: then the engine has to wait
FRAMES = frozenset(
    {b"content-length", b"transfer-encoding"}
)  # else the end of the connection ends the answer


class Home(Protocol):
    """Who keeps connections."""

    def free(self, connection: "Connection") -> None:
        """It can take another request."""

    def ended(self, connection: "Connection") -> None:
        """It is gone."""


class Connection(asyncio.Protocol):
    """Carries one request at a time.

    An answer is whole or an error: `ConnectionError` where the connection broke before its end or what came
    is no HTTP, `TimeoutError` after its deadline.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._error: Exception | None = None
        self._gone = self._paused = False
        self._asked = False
        self._begin()

    def _begin(self) -> None:
        self.status = 0
        self._whole = self._framed = self._keeps = False
        self._body: list[bytes] = []
        self._size = 0

    # --- asking ---

    @property
    def idle(self) -> bool:
        """Whether a request may go out: the engine has neither closed it nor sent what nobody asked for.

        The kernel is asked too. An engine closes what idled for 5 s, and the loop may not have seen it yet.
        """
        return not (self._asked or self._gone or self._poll.poll(0))

    def send(self, request: bytes, left_s: float | None) -> None:
        """Send a request whose answer must have come within `left_s`."""
        self._begin()
        self._asked = True
        if left_s is not None:
            self._timer = self._loop.call_later(left_s, self._late)
        self._transport.write(request)

    async def head(self) -> int:
        """The answer's status."""
        while not self.status:
            await self._more()
        return self.status

    async def read(self) -> bytes:
        """The rest of the answer's body."""
        while not self._whole:
            await self._more()
        return self._taken()

    async def some(self) -> bytes:
        """What has come of the body by now, something at least; empty at its end."""
        while not (self._body or self._whole):
            await self._more()
        return self._taken()

    def close(self) -> None:
        """Done with this answer; an unread rest aborts the engine's work. Twice is once."""
        if not self._asked:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._asked, self._body = False, []
        if self._whole and self._keeps and not self._gone and self._error is None:
            self._home.free(self)
        else:
            self.abort()

    def abort(self) -> None:
        """Cut the connection: the engine sees it and ends its work."""
        self._transport.abort()

    async def _more(self) -> None:
        """Until something has come."""
        if self._error is not None:
            raise self._error
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _taken(self) -> bytes:
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body, self._size = [], 0
        return body

    # --- what the loop says ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self._transport = cast("asyncio.Transport", transport)
        self._poll = select.poll()
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(ConnectionError("what came is no HTTP answer"))
        if self._size > HIGH_BYTES and self._waiter is None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone: an answer without a frame ends so, any other is broken."""
        self._gone = True
        if self.status and not self._framed and not (exc or self._error):
            self._whole = True
        if not self._whole:
            self._fail(exc or ConnectionResetError("closed before the end"))
        self._wake()
        self._home.ended(self)

    def _late(self) -> None:
        self._timer = None
        self._fail(TimeoutError("no answer in time"))
        self._wake()

    def _fail(self, error: Exception) -> None:
        """The first error stays; without a whole answer nothing more will come of it."""
        self._error = self._error or error
        self._transport.abort()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- what the parser says ---

    def on_message_begin(self) -> None:
        """An answer begins."""
        if not self._asked or self._whole:
            raise ConnectionError("more came than was asked for")  # ends the parsing

    def on_header(self, name: bytes, _: bytes) -> None:
        """One of its headers."""
        if name.lower() in FRAMES:
            self._framed = True

    def on_headers_complete(self) -> None:
        """All of them."""
        status = self._parser.get_status_code()
        if status >= 200:  # else the answer is still to come
            self.status, self._keeps = status, self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """A part of its body."""
        self._body.append(data)
        self._size += len(data)

    def on_message_complete(self) -> None:
        """Its end."""
        self._whole = self.status > 0
