"""What the tables of the settings have in common."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Direction = Literal["lower_is_better", "higher_is_better"]


class Section(BaseModel):
    """A table of the settings: unknown keys are mistakes, and nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
