"""Every answer leaves a record; nothing is lost while there is a place, and nobody begins without one."""

import pytest

from gpu_cascade.errors import StoreFull
from gpu_cascade.traces import StoreHealth, Traces, read, read_recent, record_json

from ..records import record
from .conftest import locked, opened, put, wait_for


def test_a_record_survives_the_process(path):
    """What was put is read back equal by somebody who only knows the file."""
    kept = record()
    with opened(path) as traces:
        put(traces, kept)
    assert read(path, kept.id) == kept
    assert read(path, "gc-unknown") is None
    assert [row.id for row in read_recent(path, 10)] == [kept.id]


def test_a_record_is_read_while_it_waits_and_after(traces, path):
    """Read your writes: in the buffer, in the file, newest first, each once."""
    first, second = record(), record()
    with locked(path):
        put(traces, first, second)
        assert traces.get(first.id) == first
        assert [row.id for row in traces.recent(5)] == [second.id, first.id]
    wait_for(traces, lambda health: health.pending == 0)
    third = record()
    put(traces, third)
    assert traces.get(first.id) == first
    assert [row.id for row in traces.recent(2)] == [third.id, second.id]
    assert traces.get("gc-unknown") is None


def test_no_answer_begins_without_a_place(traces, path):
    """Places are taken by answers under way and by records that wait; the refusal has the numbers."""
    with locked(path):
        places = [traces.reserve() for _ in range(5)]
        for place in places[:3]:
            place.put(record())
        with pytest.raises(StoreFull, match=r"all 5 places .*\(3 records wait .* 2 answers") as refused:
            traces.reserve()
        assert refused.value.status == 503
        assert refused.value.retry_after_s >= 1
        places[3].release()
        traces.reserve().release()
    for place in places:
        place.release()  # a second end changes nothing
    wait_for(traces, lambda health: health.pending == 0)
    assert len([traces.reserve() for _ in range(5)]) == 5


def test_an_answer_that_fails_gives_its_place_back(traces):
    """As a context manager the place is free again however the answer ended."""
    for _ in range(20):
        with pytest.raises(ZeroDivisionError), traces.reserve():
            raise ZeroDivisionError
    with traces.reserve() as place:
        place.put(record())
    with pytest.raises(AssertionError):
        place.put(record())


def test_when_full_may_drop_the_lost_are_counted(path):
    """`on_full: drop`: answers go on; a record without a place is counted, unless one came free meanwhile."""
    with opened(path, "drop", limit=1) as traces:
        with locked(path):
            put(traces, record(), record(), record())
            late = traces.reserve()
            traces.reserve().release()
            assert traces.health().dropped == 2
        wait_for(traces, lambda health: health.pending == 0)
        late.put(record("gc-late"))
        assert traces.get("gc-late")
        assert traces.health().dropped == 2


def test_a_full_disk_loses_nothing(traces, path):
    """Rows wait in memory, the reason stands in health and refusal, and are written once there is room."""
    writer = traces._store.connection
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages}")
    bulky = [record(caller="x" * 3000) for _ in range(5)]
    put(traces, *bulky)
    wait_for(traces, lambda health: health.last_error)
    assert traces.health() == StoreHealth(5, 0, traces.health().last_error)
    with pytest.raises(StoreFull, match=r"traces.db: the disk is full .*free some space") as refused:
        traces.reserve()
    assert str(path.parent) not in str(refused.value)  # a client reads it
    assert traces.get(bulky[0].id) == bulky[0]
    writer.execute("PRAGMA max_page_count = 1000000")
    wait_for(traces, lambda health: health.pending == 0 and health.last_error is None)
    assert {row.id for row in read_recent(path, 10)} == {row.id for row in bulky}


def test_close_waits_no_longer_than_told(path):
    """What could not be written is counted in the answer of `close`, and nothing begins afterwards."""
    traces = Traces(path, "refuse")
    traces.open()
    with locked(path):
        put(traces, record(), record())
        assert traces.close(wait_s=0.1) == 2
    with pytest.raises(StoreFull, match="closed"):
        traces.reserve()
    assert traces.close() == 0


def test_a_record_that_comes_after_the_end_is_counted(path):
    """An answer that outlives the store is not lost silently."""
    with opened(path) as traces:
        late = traces.reserve()
    late.put(record())
    assert traces.health().dropped == 1


def test_a_deleted_file_is_made_again(traces, path):
    """Deleting the file while serving starts a new one; SQLite alone would write into the void."""
    put(traces, record())
    wait_for(traces, lambda health: health.pending == 0)
    for file in path.parent.iterdir():
        file.unlink()
    kept = record()
    put(traces, kept)
    wait_for(traces, lambda health: health.pending == 0)
    assert read(path, kept.id) == kept


def test_text_is_kept_only_if_asked_for(path):
    """Without `content` neither prompt nor answer reaches the buffer, the file or the JSON."""
    told = {"prompt": "a secret question", "answer": "a secret answer"}
    with opened(path) as traces:
        silent = record(**told)
        put(traces, silent)
        assert "secret" not in str(record_json(traces.get(silent.id)))
    assert not any(b"secret" in file.read_bytes() for file in path.parent.iterdir())
    with opened(path, content=True) as traces:
        put(traces, full := record(**told))
        assert record_json(traces.get(full.id))["answer"] == "a secret answer"
    assert read(path, full.id) == full


def test_text_that_utf8_cannot_hold_does_not_stop_the_writer(path):
    """A JSON client can send half a surrogate pair; it is stored as "?"."""
    with opened(path, content=True) as traces:
        put(traces, odd := record(prompt="hm \ud800 hm"), fine := record())
    assert read(path, odd.id).prompt == "hm ? hm"
    assert read(path, fine.id) == fine


def test_places_for_another_process_are_places(traces, path):
    """As many as there are at once, each given back or used up as any other; none of a closed store."""
    with locked(path):
        ahead = traces.ahead(3)
        assert 2 == len(traces.ahead(10))
        with pytest.raises(StoreFull):
            traces.reserve()
        for place in ahead:
            place.put(record())
        assert [] == traces.ahead(1)
    wait_for(traces, lambda health: health.pending == 0)
    assert 3 == len(traces.ahead(10))
    traces.close()
    assert [] == traces.ahead(1)
