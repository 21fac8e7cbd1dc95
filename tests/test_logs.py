"""What `gpu-cascade logs` shows: the last lines of each engine, then what comes, through rotation too."""

from itertools import islice

import pytest

from gpu_cascade.config import from_pair
from gpu_cascade.errors import UnknownModel
from gpu_cascade.logs import lines


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("GPU_CASCADE_STATE", str(tmp_path))
    (tmp_path / "logs").mkdir()
    return from_pair("org/small", "org/large")


def write(config, engine, text, mode="a"):
    with (config.state_dir / "logs" / f"{engine}.log").open(mode) as file:
        file.write(text)


def test_the_last_lines_of_each(config):
    """Each line says whose it is; half a line waits until it is whole."""
    write(config, "small", "one\ntwo\nthree\nhal")
    write(config, "large", "boot\n")

    assert ["small | two\n", "small | three\n", "large | boot\n"] == list(
        lines(config, None, 2, follow=False)
    )
    assert ["large | boot\n"] == list(lines(config, "large", 9, follow=False))


def test_following_through_a_rotation(config):
    """New lines come as they are written; a file that became shorter is a new one."""
    write(config, "small", "one\ntwo\n")
    coming = lines(config, "small", 1, follow=True)

    assert "small | two\n" == next(coming)
    write(config, "small", "three\n")
    assert "small | three\n" == next(coming)
    write(config, "small", "new\n", mode="w")
    assert ["small | new\n"] == list(islice(coming, 1))


def test_no_log_yet_and_no_such_engine(config):
    """An engine that has not started has no lines; one that does not exist is an error with the names."""
    assert [] == list(lines(config, None, 5, follow=False))
    with pytest.raises(UnknownModel, match="known: small, large"):
        list(lines(config, "medium", 5, follow=False))
