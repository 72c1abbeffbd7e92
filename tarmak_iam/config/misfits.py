"""What pydantic says of data that do not fit a model, as one message about one key."""

from __future__ import annotations

from pydantic import ValidationError

__all__ = ["EXTRA", "misfit"]

EXTRA = "is no key here"


def misfit(error: ValidationError) -> tuple[tuple[str | int, ...], str]:
    """Path and message of the first thing that is wrong; the message is EXTRA for a key that the model lacks."""
    first = error.errors(include_url=False)[0]
    path = tuple(step for step in first["loc"] if not _is_validator(step))
    if first["type"] == "extra_forbidden":
        return path, EXTRA
    what = first["msg"].removeprefix("Value error, ")
    return path, f"{what[0].lower()}{what[1:]}"


def _is_validator(step: int | str) -> bool:
    """pydantic names the validator function in the path, too."""
    return isinstance(step, str) and step.startswith("function-")
