"""One end of a connection: whole messages in, whole messages out."""

import asyncio
import logging
from abc import abstractmethod
from typing import Any, Generic, TypeVar, cast

import msgspec

log = logging.getLogger(__name__)

Heard = TypeVar("Heard")
LONGEST_BYTES = 65536  # of one message about places; an error's text is the longest there is
HEAD_BYTES = 4  # the length of what follows, big-endian
_ENCODE = msgspec.msgpack.Encoder().encode


class Broken(Exception):
    """The other end said what it cannot mean."""


class Wire(asyncio.Protocol, Generic[Heard]):
    """Messages over a stream, each msgpack behind its length. A broken one ends the connection.

    A protocol and no streams: a reader's task would cost a turn of the loop for each message.
    """

    def __init__(self, decoder: "msgspec.msgpack.Decoder[Heard]", longest_bytes: int = LONGEST_BYTES) -> None:
        self._decode, self._longest_bytes = decoder.decode, longest_bytes
        self._buffer = bytearray()
        self._broken = False
        self._transport: asyncio.Transport | None = None

    @abstractmethod
    def heard(self, message: Heard) -> None:
        """A message has come; raises `Broken` where it cannot be meant."""

    @property
    def open(self) -> bool:
        """Whether anybody hears what is sent."""
        return self._transport is not None

    def send(self, message: Any) -> None:
        """Goes out at once; into the void where the connection has ended."""
        if self._transport is not None:
            payload = _ENCODE(message)
            self._transport.write(len(payload).to_bytes(HEAD_BYTES, "big") + payload)

    def end(self) -> None:
        """End the connection; nothing is heard any more."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        # A cast: uvloop's transports are no subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _error: Exception | None) -> None:
        """Called by the loop, once: EOF, an error or our own `end`."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Called by the loop with any piece of the stream."""
        if self._broken:
            return
        self._buffer += data
        try:
            while (payload := self._next()) is not None:
                self.heard(self._decode(payload))
        except (msgspec.MsgspecError, Broken) as error:
            log.error("a broken message ends the connection: %s", error)
            self._broken = True
            self.end()

    def _next(self) -> bytes | None:
        """The next whole message's bytes, taken off the buffer."""
        if len(self._buffer) < HEAD_BYTES:
            return None
        size = HEAD_BYTES + int.from_bytes(self._buffer[:HEAD_BYTES], "big")
        if size > self._longest_bytes:
            raise Broken(f"a message of {size} bytes, {self._longest_bytes} at most")
        if len(self._buffer) < size:
            return None
        payload = bytes(self._buffer[HEAD_BYTES:size])
        del self._buffer[:size]
        return payload
