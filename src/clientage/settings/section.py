"""What all sections of the settings share."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
OptionalDay = Annotated[date | None, BeforeValidator(lambda given: None if given == "" else given)]


class Section(BaseModel):
    """A named part of the settings; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
