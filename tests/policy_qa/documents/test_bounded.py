"""A document that takes too much is skipped, and the next one is read."""

import dataclasses
import sys

import pytest

from gpu_cascade.policy_qa.documents.bounded import Bounded
from gpu_cascade.policy_qa.documents.document import Unreadable
from gpu_cascade.policy_qa.documents.parse import parse

from .made import LIMITS

# The reading process with a parser that obeys the document.
_CHILD = """
import os, signal, sys, time
from multiprocessing.connection import Connection
from gpu_cascade.policy_qa.documents import child
def parse(path, data, limits, read=child.parse):
    if data == b"hang": time.sleep(1000)
    if data == b"crash": os.kill(os.getpid(), signal.SIGSEGV)
    if data == b"fill": return bytearray(limits.memory_bytes)
    if data == b"fail": raise KeyError("secret words")
    return read(path, data, limits)
child.parse = parse
child.serve(Connection(int(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def bounded():
    """Reads in a process that does what a document says; 8 GiB of addresses are more than it ever takes."""
    with Bounded(
        dataclasses.replace(LIMITS, memory_bytes=8 * 1024**3), (sys.executable, "-c", _CHILD)
    ) as reads:
        yield reads


TEXT = b"---\neffective: 2024-03-01\ngroups: [hr]\n---\n# Leave\n\n- 13 days\n"


def test_a_document_comes_whole():
    """It is what reading it here gives, day, groups and all."""
    with Bounded(LIMITS) as reads:
        assert parse("a.md", TEXT, LIMITS) == reads("a.md", TEXT)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"crash", "ended the process that read .SIGSEGV."),
        (b"fill", "over 8,589,934,592 bytes of memory"),
        (b"fail", "it cannot be read .KeyError.; open it and save it again"),
        (b"", "it holds no text"),
    ],
)
def test_what_goes_wrong_is_one_documents_trouble(bounded, data, why):
    """Crashes, full memory and parsers' errors are sentences without the document's words."""
    with pytest.raises(Unreadable, match=f"{why}"):
        bounded("a.md", data)

    assert "Leave" == bounded("a.md", TEXT).title


def test_what_hangs_is_ended():
    """The time limit ends the process, and the next document has a new one."""
    with Bounded(dataclasses.replace(LIMITS, seconds=0.05), (sys.executable, "-c", _CHILD)) as reads:
        with pytest.raises(Unreadable, match=r"took over 0\.05 s"):
            reads("a.md", b"hang")
        reads.limits = LIMITS

        assert "Leave" == reads("a.md", TEXT).title
