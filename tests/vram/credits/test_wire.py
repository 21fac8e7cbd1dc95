"""Messages over a stream that comes in any pieces."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_cascade.vram.credits.messages import OFFICE_HEARS, Ask, Back, Leave
from gpu_cascade.vram.credits.wire import LONGEST_BYTES, Wire

IDS = st.integers(0, 2**40)
MESSAGES = st.one_of(
    st.builds(Ask, IDS, st.text(max_size=9), st.booleans()),
    st.builds(Leave, IDS),
    st.builds(Back, st.text(max_size=9), IDS, IDS),
)


class End(Wire):
    """An end that keeps what it hears, over a transport that keeps what is sent."""

    def __init__(self):
        super().__init__(OFFICE_HEARS)
        self.messages, self.sent, self.aborted = [], b"", False
        self.connection_made(self)

    def heard(self, message):
        self.messages.append(message)

    def write(self, data):
        self.sent += data

    def abort(self):
        self.aborted = True


@settings(max_examples=50)
@given(st.lists(MESSAGES, max_size=5), st.lists(st.integers(1, 50), max_size=10))
def test_whole_messages_come_out_however_the_stream_is_cut(messages, cuts):
    """In order, each once."""
    here, there = End(), End()
    for message in messages:
        here.send(message)

    rest = here.sent
    for size in [*cuts, len(rest)]:
        there.data_received(rest[:size])
        rest = rest[size:]

    assert messages == there.messages
    assert not there.aborted


def test_nothing_is_heard_after_a_broken_message():
    """The connection ends there, whatever follows in the same piece or another."""
    here, there = End(), End()
    here.send(Leave(1))

    there.data_received(here.sent + b"\0\0\0\1\xc0" + here.sent)
    there.data_received(here.sent)

    assert ([Leave(1)], True, False) == (there.messages, there.aborted, there.open)


def test_a_length_beyond_reason_is_not_waited_for():
    """Nobody can fill the supervisor's memory with one message."""
    there = End()

    there.data_received((LONGEST_BYTES + 1).to_bytes(4, "big"))

    assert there.aborted
