"""Embeddings come from a process that stays, comes again, and goes with its owner."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from gpu_cascade.embedding import process
from gpu_cascade.embedding.encoder import BATCH, REST_S, Encoder
from gpu_cascade.errors import ModelError

from .made import LENGTHS, child, folder


@pytest.fixture
def encoder(tmp_path):
    with Encoder(folder(tmp_path), "start", child(LENGTHS)) as made:
        yield made


def lengths(encoder, texts):
    return [vector[0] for vector in encoder.embed(texts)]


def pid(encoder):
    return int(encoder.embed([""])[0][1])


def test_texts_go_in_and_vectors_come_out(encoder):
    """One for each text, in order, whatever is in it; none for none."""
    assert [1, 4, 0] == lengths(encoder, ["a", "ö\n\0\ud800", ""])
    assert [] == encoder.embed([])
    many = ["x" * (place % 7) for place in range(2 * BATCH + 3)]
    assert [len(text) for text in many] == lengths(encoder, many)


def test_one_process_for_all(encoder):
    """It stays between calls, also of several threads."""
    encoder.start()
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: pid(encoder), range(8)))

    assert {pid(encoder)} == found


def test_a_batch_that_fails_is_a_sentence_without_texts(encoder):
    """The error's kind is told, its message is not: that may quote what was asked. The next batch does."""
    with pytest.raises(ModelError, match="2 texts could not be embedded: ValueError") as caught:
        encoder.embed(["fail", "b"])

    assert "secret" not in caught.value.message
    assert [1] == lengths(encoder, ["b"])


def test_a_process_that_ends_comes_again(encoder):
    """In a batch that one is lost; between batches nobody notices."""
    with pytest.raises(ModelError, match="ended: exit code 7"):
        encoder.embed(["die"])
    first = pid(encoder)
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)

    assert first != pid(encoder)


def test_a_process_that_hangs_is_ended(encoder, monkeypatch):
    """The caller is told after a time that grows with the batch; the next batch has a new process."""
    encoder.embed([""])
    monkeypatch.setattr(process, "BATCH_S", 0.1)
    monkeypatch.setattr(process, "TEXT_S", 0.1)
    with pytest.raises(ModelError, match="said nothing for 0 s and was ended"):
        encoder.embed(["hang"])
    monkeypatch.undo()

    assert [1] == lengths(encoder, ["b"])


REFUSES = """
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from gpu_cascade.embedding.child import serve
starts = Path(sys.argv[2], "starts")
starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
def load():
    raise ImportError("No module named 'torch'\\nmore")
serve(Connection(int(sys.argv[1])), load)
"""


def test_a_model_that_cannot_be_loaded(tmp_path):
    """The reason is told whole, and again without another try for half a minute."""
    now = [0.0]
    with Encoder(folder(tmp_path), "start", child(REFUSES), clock=lambda: now[0]) as encoder:
        for time_s in (0.0, REST_S - 1, REST_S + 1):
            now[0] = time_s
            with pytest.raises(
                ModelError, match=r"cannot be loaded \(ImportError: No module named 'torch'\)"
            ):
                encoder.embed(["a"])

    assert "xx" == (tmp_path / "starts").read_text()


def test_closed_in_the_middle(encoder):
    """Whoever waits is told, the process is gone, and no other is started."""
    running = pid(encoder)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(encoder.embed, ["hang"])
        encoder.close()
        with pytest.raises(ModelError, match="ended"):
            waiting.result()

    with pytest.raises(ProcessLookupError):
        os.kill(running, 0)
    with pytest.raises(ModelError, match="embedding was ended"):
        encoder.embed(["a"])


def test_an_unfit_folder_is_refused_at_once(tmp_path):
    """Not with the first question."""
    with pytest.raises(ModelError, match=r"no config\.json"):
        Encoder(tmp_path, "start")
