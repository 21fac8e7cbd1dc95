"""From what stands in models.yaml to a folder."""

import threading

import huggingface_hub.constants
import pytest

from gpu_cascade.errors import ModelError
from gpu_cascade.models import installed, resolve
from gpu_cascade.models.store import cache_dir


@pytest.fixture(autouse=True)
def no_originals(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def make_ready(store, tiny):
    with store.locked(tiny, threading.Event(), lambda: None), store.workspace(tiny) as work:
        (work / "made").mkdir()
        (work / "made" / "config.json").write_text("{}")
        return store.publish(tiny, work / "made", {"source": "packages"})


def test_a_folder_is_used_as_it_is(tmp_path, store, tiny):
    """A local model needs no catalogue and no network."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    (tmp_path / "mine" / "model.safetensors").touch()

    assert tmp_path / "mine" == resolve(str(tmp_path / "mine"), store, (tiny,))


def test_a_folder_without_weights(tmp_path, store, tiny):
    """What is missing is said before an engine fails on it."""
    with pytest.raises(ModelError, match=r"config\.json or safetensors weights are missing"):
        resolve(str(tmp_path), store, (tiny,))


def test_a_path_that_is_not_there(store, tiny):
    """A path is never taken for a hub id."""
    with pytest.raises(ModelError, match="there is no folder"):
        resolve("./no/such", store, (tiny,))


@pytest.mark.parametrize("name", ["tiny", "someone/tiny"])
def test_name_and_hub_id_mean_the_pulled_folder(store, tiny, name):
    """Both lead to what was pulled."""
    assert make_ready(store, tiny) == resolve(name, store, (tiny,))


@pytest.mark.parametrize("name", ["tiny", "someone/tiny", "someone/else"])
def test_what_is_not_here_says_how_to_get_it(store, tiny, name):
    """The cure can be pasted."""
    with pytest.raises(ModelError, match=f"gpu-cascade models pull {name}$"):
        resolve(name, store, (tiny,))


def test_what_is_no_name_at_all(store, tiny):
    """The names there are, are listed."""
    with pytest.raises(ModelError, match=r"neither a folder, nor a hub id \(owner/name\), nor one of tiny"):
        resolve("tinny", store, (tiny,))


def test_originals_in_the_hubs_cache_serve(tmp_path, store, tiny):
    """A model that other tools have fetched is not fetched again."""
    repository = tmp_path / "hub" / "models--someone--tiny"
    snapshot = repository / "snapshots" / ("b" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("b" * 40)
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model.safetensors").touch()

    assert snapshot == resolve("tiny", store, (tiny,))
    assert [("ready", "hub")] == [(m.state, m.source) for m in installed(store, (tiny,))]


def test_list_says_what_is_here(store, tiny):
    """missing, then ready with its size, then broken once a file lost bytes."""
    assert ["missing"] == [m.state for m in installed(store, (tiny,))]
    folder = make_ready(store, tiny)
    (here,) = installed(store, (tiny,))
    assert ("ready", folder) == (here.state, here.path)
    assert sum(path.stat().st_size for path in folder.iterdir()) == here.bytes

    (folder / "config.json").write_text("")

    assert ["broken"] == [m.state for m in installed(store, (tiny,))]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"GPU_CASCADE_CACHE": "/disk/gc", "XDG_CACHE_HOME": "/x"}, "/disk/gc"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/gpu-cascade"),
    ],
)
def test_where_the_cache_is(environ, expected):
    """Our own variable first, then the desktop's."""
    assert expected == str(cache_dir(environ))
