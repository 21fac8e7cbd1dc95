"""What every mapping of models.yaml has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping of models.yaml: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
