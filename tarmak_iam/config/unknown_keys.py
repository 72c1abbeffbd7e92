"""What is said about a key that Tarmak does not know: where it is, and which key was probably meant; and the file with
its misspelt keys corrected."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeVar

from tarmak_iam.config.cluster import ReadFile
from tarmak_iam.config.ignored_content import UnknownKey, certain_target, misspelt_key_on
from tarmak_iam.config.key_suggestions import KeySuggestion, suggest_key
from tarmak_iam.config.section_keys import owned_paths
from tarmak_iam.config.tarmak_types import ITEM, TypePath, root_field
from tarmak_iam.document import Document
from tarmak_iam.document.plain_values import value_at
from tarmak_iam.errors import EditRefused, TarmakIamError
from tarmak_iam.routes import Route
from tarmak_iam.text import CommandLine, quoted

Path = tuple[str | int, ...]

_File = TypeVar("_File", bound=ReadFile)


def suggestion_for(key: UnknownKey) -> KeySuggestion | None:
    return suggest_key(key.name, key.node, key.parent, key.struct, key.siblings, key.plugin_keys)


def question(key: UnknownKey, guess: KeySuggestion | None) -> str:
    if guess is None:
        return ""
    name, home = guess.path[-1], guess.path[:-1]
    if home == key.parent and name in key.siblings:
        return f"{name} is already set: keep one of them"
    other = name if home == key.parent else type_path_text(guess.path) if home else f"{name} at the top level"
    field = root_field().below(*guess.path)
    return (
        f"did you mean {other}?"
        if guess.fits or field is None
        else f"did you mean {other}, which must be {field.name}?"
    )


def place_text(path: TypePath) -> str:
    return f"in {type_path_text(path)}" if path else "at the top level"


def type_path_text(path: TypePath) -> str:
    return ".".join(path).replace(f".{ITEM}", "[]")


def check_spelling(document: Document, route: Route, command_line: CommandLine) -> None:
    """Raises EditRefused if an edit at the route would add a key that is there already, but misspelt or misplaced."""
    key = misspelt_key_on(document, route, owned_paths())
    if key is not None:
        fix = command_line.tarmak_iam("check --fix --unsafe-fixes")
        raise EditRefused(
            f"Tarmak ignores {quoted(key.name)} {place_text(key.parent)}, and the edit would add another key",
            remedy=f"{question(key, suggestion_for(key))} Correct it first, by hand or with `{fix}`",
            place=document.position(key.route, at_key=True),
        )


def with_keys_corrected(file: _File, keys: Iterable[UnknownKey]) -> _File | None:
    """The file with each of these keys moved and renamed to what was certainly meant. None if nothing changes, or if
    Tarmak could not read the result."""
    try:
        data = json.loads(json.dumps(file.document.data, default=str))
    except (TypeError, ValueError):
        return None
    moves = [(key.route.plain, target) for key in keys if (target := certain_target(key)) is not None]
    # The deepest keys first: their paths are valid as long as no key above them is renamed.
    done = [_move(data, path, target) for path, target in sorted(moves, key=lambda each: -len(each[0]))]
    try:
        return file.with_document(Document.parse(json.dumps(data), "tarmak.yaml")) if any(done) else None
    except TarmakIamError:
        return None


def _move(data: Any, path: Path, target: Path) -> bool:
    """Returns whether the key was moved: not if the target exists already, or would be in a list or a string."""
    *parents, name = path
    source = value_at(data, parents)
    home: Any = data
    for step in target[:-1]:
        if isinstance(home, dict) and isinstance(step, str):
            home[step] = home.get(step) or {}
        home = value_at(home, [step]) if isinstance(home, dict) or isinstance(step, int) else None
    if not isinstance(source, dict) or not isinstance(home, dict) or name not in source or target[-1] in home:
        return False
    home[target[-1]] = source.pop(name)
    return True
