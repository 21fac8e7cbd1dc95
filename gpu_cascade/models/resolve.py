"""From what stands under `model` in models.yaml to a folder; and what there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ModelError
from . import hub
from .catalogue import CATALOGUE, Packaged, hub_id, packaged
from .store import Store


@dataclass(frozen=True, slots=True)
class Installed:
    """A line of `gpu-cascade models list`. `bytes` on disk, or about to be once pulled."""

    name: str
    hub_id: str
    state: str  # ready, missing, broken
    source: str  # hub, packages
    bytes: int
    licence: str
    quantisation: str  # of the source; what is served is bf16
    path: Path | None


def resolve(model: str, store: Store | None = None, catalogue: Sequence[Packaged] = CATALOGUE) -> Path:
    """The folder to serve `model` from: `model` is a folder, a name of the catalogue or a hub id.

    Never downloads; raises ModelError that says how to get it.
    """
    store = store or Store.default()
    local = Path(model).expanduser()
    if local.is_dir() or model.startswith(("/", "./", "../", "~")):
        return _local(local)
    known = packaged(model, catalogue)
    if known is not None and store.ready(known):
        return store.folder(known)
    found = hub.cached(hub_id(model, catalogue))
    if found is not None:
        return found
    raise ModelError(f"{model} is not on this machine: gpu-cascade models pull {model}")


def _local(folder: Path) -> Path:
    if not folder.is_dir():
        raise ModelError(f"there is no folder {folder}: correct `model` in models.yaml")
    if not hub.complete(folder):
        raise ModelError(f"{folder} is not a model: config.json or safetensors weights are missing in it")
    return folder


def installed(store: Store | None = None, catalogue: Sequence[Packaged] = CATALOGUE) -> list[Installed]:
    """Every model of the catalogue and whether it is here."""
    store = store or Store.default()
    return [_installed(model, store) for model in catalogue]


def _installed(model: Packaged, store: Store) -> Installed:
    about = (model.name, model.hub_id)
    if store.ready(model):
        folder = store.folder(model)
        return Installed(
            *about, "ready", "packages", _size(folder), model.licence, model.quantisation, folder
        )
    if (original := hub.cached(model.hub_id)) is not None:
        return Installed(*about, "ready", "hub", _size(original), model.licence, "none", original)
    state = "broken" if store.folder(model).exists() else "missing"
    size = model.converted_bytes
    return Installed(*about, state, "packages", size, model.licence, model.quantisation, None)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
