"""Models from a hub, by Hugging Face's own client and into its own cache."""

import http.client
import json
import os
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ModelError

ANSWER_S = 2.0
# What an engine reads: weights as safetensors, tokenizer, configuration. Never pickles, never code.
FILES = ("*.safetensors", "*.json", "*.jinja", "tokenizer*", "*.model", "merges.txt", "vocab.txt")


def endpoint() -> str:
    """The hub's address: HF_ENDPOINT, or the public one."""
    from huggingface_hub import constants

    return constants.ENDPOINT


def answers(address: str, within_s: float = ANSWER_S) -> bool:
    """Whether a hub answers there in time, the look-up of its name (no socket timeout has that) included."""
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() not in ("", "0", "false", "no"):
        return False
    answer: queue.Queue[bool] = queue.Queue()
    threading.Thread(target=lambda: answer.put(_speaks(address, within_s)), daemon=True).start()
    try:
        return answer.get(timeout=within_s)
    except queue.Empty:
        return False


def _speaks(address: str, within_s: float) -> bool:
    request = urllib.request.Request(address, method="HEAD")  # noqa: S310 - the operator's own setting
    try:
        with urllib.request.urlopen(request, timeout=within_s):  # noqa: S310 - the same
            return True
    except urllib.error.HTTPError:  # whatever it says, it speaks HTTP
        return True
    except (OSError, ValueError, http.client.HTTPException):
        return False


def cached(hub_id: str) -> Path | None:
    """The newest complete snapshot in the client's cache; nothing is asked of the network."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(hub_id, local_files_only=True, allow_patterns=list(FILES)))
    except (OSError, ValueError):  # not there, or not an id at all
        return None
    return folder if complete(folder) else None


def complete(folder: Path) -> bool:
    """Whether there is a configuration and every file of weights that it needs."""
    if not (folder / "config.json").is_file():
        return False
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        return all(
            (folder / name).is_file() for name in set(json.loads(index.read_text())["weight_map"].values())
        )
    return any(folder.glob("*.safetensors"))


def fetch(hub_id: str, report: Callable[[int, int], None]) -> Path:
    """The model's files, in the client's cache; `report` is told bytes done and in all. Raises ModelError."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        folder = Path(
            snapshot_download(
                hub_id, allow_patterns=list(FILES), endpoint=endpoint(), tqdm_class=_reporting(report)
            )
        )
    except GatedRepoError as error:
        raise ModelError(
            f"{hub_id} wants its licence accepted on the hub, and a token of yours in HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"the hub has no model {hub_id}, or only for those with a token (HF_TOKEN)"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{hub_id} could not be fetched from the hub: {str(error).splitlines()[0]}"
        ) from error
    if not complete(folder):
        raise ModelError(f"{hub_id} has no safetensors weights with a config.json: choose a model that has")
    return folder


def _reporting(report: Callable[[int, int], None]) -> type[Any]:
    """A tqdm that draws nothing and tells `report` how far the bars that count bytes are."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    most = 0  # one bar counts what arrives, another what is written, and not every way of fetching moves both

    class Reporting(tqdm):  # type: ignore[misc]
        def display(self, *_: Any, **__: Any) -> None:
            nonlocal most
            if self.unit == "B":
                most = max(most, int(self.n))
                report(most, int(self.total or 0))

    return Reporting
