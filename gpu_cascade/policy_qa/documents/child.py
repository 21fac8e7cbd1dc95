"""The process that reads documents: frames come and go on one pipe, under limits that the kernel keeps."""

import resource
import signal
import sys
from multiprocessing.connection import Connection

import msgspec

from .bounded import Asked, Told
from .document import Limits, Unreadable
from .parse import parse


def serve(pipe: Connection) -> None:
    """Answer until the other end closes."""
    while True:
        try:
            asked = msgspec.msgpack.decode(pipe.recv_bytes(), type=Asked)
            data = pipe.recv_bytes()
        except EOFError:
            return
        pipe.send_bytes(msgspec.msgpack.encode(answer(asked, data)))


def answer(asked: Asked, data: bytes) -> Told:
    """What the document says, or why it cannot be read: whatever a parser raises is one file's trouble."""
    _bound(asked.limits)
    try:
        return Told(parse(asked.path, data, asked.limits))
    except Unreadable as error:
        return Told(None, error.message)
    except MemoryError:
        return Told(None, f"reading it takes over {asked.limits.memory_bytes:,} bytes of memory; split it")
    except Exception as error:  # noqa: BLE001 - parsers of other hands, on files of any hand
        return Told(None, f"it cannot be read ({type(error).__name__}); open it and save it again")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _bound(limits: Limits) -> None:
    """The alarm ends the process even inside of C code, and even when nobody waits for it any more."""
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    signal.setitimer(signal.ITIMER_REAL, limits.seconds)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the document
    serve(Connection(int(sys.argv[1])))
