"""The whole configuration: what the file says, and where the file lies."""

import os
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .rules import problems
from .schema import DEFAULT_STORE, Sections


class Config(Sections):
    """A models.yaml that holds together; one that does not cannot be made.

    `path` is None where there is no file. `base` is the folder that relative paths start from.
    """

    path: Path | None = None
    base: Path = Field(default_factory=Path.cwd)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        found = problems(self)
        if found:
            sentence = "; ".join(f"{'.'.join(map(str, p.place))} {p.sentence}" for p in found)
            raise PydanticCustomError("problems", "{sentence}", {"sentence": sentence, "problems": found})
        return self

    @property
    def state_dir(self) -> Path:
        """Where logs, decisions and the run record live."""
        return state_dir(self.base)

    @property
    def traces_path(self) -> Path:
        """The SQLite file of decisions. The default store follows `state_dir`."""
        if self.traces.store == DEFAULT_STORE:
            return self.state_dir / "traces.db"
        return self.resolve(self.traces.store.removeprefix("sqlite:///"))

    def resolve(self, path: str | Path) -> Path:
        """A path as the file means it: from the file's own folder unless absolute; `~` is the home."""
        return self.base / Path(path).expanduser()


def state_dir(base: Path) -> Path:
    """The state folder of a configuration in `base`: GPU_CASCADE_STATE, else `state` there."""
    named = os.environ.get("GPU_CASCADE_STATE")
    return Path(named).expanduser().absolute() if named else base / "state"
