"""What pydantic says of data that do not fit a model, as messages about single keys."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

__all__ = ["Misfit", "misfits"]

_WANTED = {
    "bool": "a boolean",
    "int": "a whole number",
    "float": "a number",
    "string": "a string",
    "list": "a list",
    "dict": "a mapping",
    "model": "a mapping",
}


@dataclass(frozen=True, slots=True)
class Misfit:
    """`path` leads from the model's data to what does not fit; `wanted` names the type where that is all there is
    to say, as in "a boolean"; `is_extra` is true for a key that the model does not have."""

    path: tuple[str | int, ...]
    message: str
    wanted: str = ""
    is_extra: bool = False


def misfits(error: ValidationError) -> list[Misfit]:
    """All that is wrong, in the model's order."""
    found = []
    for each in error.errors(include_url=False):
        path = tuple(step for step in each["loc"] if not _is_validator(step))
        kind = each["type"].removesuffix("_type").removesuffix("_parsing")
        if each["type"] == "missing":
            found.append(Misfit(path[:-1], f"{path[-1]} is missing"))
            continue
        wanted = _WANTED.get(kind, "") if each["type"] != kind else ""
        what = each["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ") or "it is wrong"
        message = f"must be {wanted}" if wanted else f"{what[0].lower()}{what[1:]}"
        found.append(Misfit(path, message, wanted, each["type"] == "extra_forbidden"))
    return found


def _is_validator(step: int | str) -> bool:
    """pydantic names the validator function in the path, too."""
    return isinstance(step, str) and step.startswith("function-")
