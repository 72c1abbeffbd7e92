"""The base class of the models of sections."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class SectionModel(BaseModel):
    """Base class of the models of a section: frozen, and unknown keys are ignored, as Tarmak does.

    Field names are the keys of the file, without aliases. The docstring of a field is also its description in the JSON
    Schema. A null key is treated as a missing key.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, each in cls.model_fields.items():
            if each.alias or each.validation_alias or each.serialization_alias:
                raise TypeError(f"{cls.__name__}.{name} has an alias: the name of a field must be its key")
