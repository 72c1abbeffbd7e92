"""Signatures and docstrings of Python names, as Markdown sections that can be read in a clone."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from enum import Enum
from functools import cached_property
from itertools import pairwise
from types import GenericAlias
from typing import Any

from tarmak_iam.installation.setting_table import SETTINGS
from tarmak_iam.installation.settings import Settings
from tests.docs.reference.markdown import fenced, markdown, prose

__all__ = ["is_class", "member_sections", "members_of", "signature_of"]

_WIDTH = 100
_STARS = {int(inspect.Parameter.VAR_POSITIONAL): "*", int(inspect.Parameter.VAR_KEYWORD): "**"}


def is_class(value: object) -> bool:
    """Python 3.10 takes an alias such as `dict[str, Any]` for one too."""
    return inspect.isclass(value) and not isinstance(value, GenericAlias)


def member_sections(module: str, name: str) -> Iterator[str]:
    value = getattr(importlib.import_module(module), name)
    yield f"## {name}"
    if is_class(value):
        yield from _class_sections(value, name)
    elif inspect.isfunction(value):
        yield from _described(signature_of(name, value), value)
    else:
        yield from _data_sections(module, name, value)


def _class_sections(cls: Any, name: str) -> Iterator[str]:
    yield from _described(f"class {class_signature(cls, name)}", cls)
    rows = [f"- `{each}`{f': {prose(text)}' if text else ''}" for each, text in attributes_of(cls)]
    yield "\n".join(rows)
    for each, value in members_of(cls):
        if inspect.isfunction(inspect.unwrap(_function(value))):
            yield f"### {name}.{each}"
            yield from _described(signature_of(each, value), value)


def _data_sections(module: str, name: str, value: object) -> Iterator[str]:
    home = _home_of(module, name)
    text = dict(_documented(ast.parse(inspect.getsource(importlib.import_module(home))).body)).get(name, "")
    if isinstance(value, (str, int, float)):
        yield fenced(f"{name} = {_quoted(value)}", "python")
    yield markdown(text)


def _described(signature: str, value: object) -> Iterator[str]:
    yield fenced(signature, "python")
    yield markdown(_docstring(value))


def _docstring(value: object) -> str:
    text = inspect.getdoc(value) or ""
    made_by_dataclass = inspect.isclass(value) and text.startswith(f"{value.__name__}(")
    return "" if made_by_dataclass else text


def field_names(cls: Any) -> tuple[str, ...]:
    """Of a dataclass or a named tuple."""
    if issubclass(cls, tuple):
        return getattr(cls, "_fields", ())
    return tuple(field.name for field in dataclasses.fields(cls)) if dataclasses.is_dataclass(cls) else ()


def class_signature(cls: Any, name: str) -> str:
    """With parameters where callers make one: a dataclass, a named tuple or an exception of ours."""
    bases = [each.__name__ for each in cls.__bases__ if each not in (object, Enum, str)]
    if issubclass(cls, Exception):
        return f"{name}({', '.join(bases)})"
    if field_names(cls):
        made: Any = cls
        return _wrapped(name, inspect.signature(made).replace(return_annotation=inspect.Signature.empty))
    return f"{name}({', '.join(bases)})" if bases else name


def signature_of(name: str, value: Any) -> str:
    """As in the source: `def name(...) -> ...`, with the decorators that a caller has to know of."""
    if isinstance(value, (property, cached_property)):
        getter = value.fget if isinstance(value, property) else value.func
        returned = inspect.signature(getter).return_annotation  # type: ignore[arg-type]  # a property has a getter
        return f"{name}: {_annotation(returned)}"
    prefix = {classmethod: "@classmethod\n", staticmethod: "@staticmethod\n"}.get(type(value), "")
    return f"{prefix}def {_wrapped(name, _without_self(value))}"


def _without_self(value: Any) -> inspect.Signature:
    signature = inspect.signature(_function(value))
    parameters = [each for each in signature.parameters.values() if each.name not in ("self", "cls")]
    return signature.replace(parameters=parameters)


def _function(value: Any) -> Any:
    return value.__func__ if isinstance(value, (classmethod, staticmethod)) else value


def _wrapped(name: str, signature: inspect.Signature) -> str:
    """On a line of its own each, where they are too long for one."""
    shown = [_parameter(each) for each in signature.parameters.values()]
    kinds = [each.kind for each in signature.parameters.values()]
    keyword_only = [number for number, kind in enumerate(kinds) if kind is inspect.Parameter.KEYWORD_ONLY]
    if keyword_only and inspect.Parameter.VAR_POSITIONAL not in kinds:
        shown.insert(keyword_only[0], "*")
    annotation = signature.return_annotation
    returned = "" if annotation is inspect.Signature.empty else f" -> {_annotation(annotation)}"
    line = f"{name}({', '.join(shown)}){returned}"
    if len(line) <= _WIDTH:
        return line
    return f"{name}(\n{textwrap.indent(chr(10).join(f'{each},' for each in shown), '    ')}\n){returned}"


def _parameter(each: inspect.Parameter) -> str:
    text = f"{_STARS.get(int(each.kind), '')}{each.name}"
    if each.annotation is not inspect.Parameter.empty:
        text += f": {_annotation(each.annotation)}"
    if each.default is not inspect.Parameter.empty:
        text += f" = {oct(each.default) if each.name == 'mode' else _default(each.default)}"
    return text


def _annotation(value: Any) -> str:
    value = getattr(value, "__forward_arg__", value)  # as the fields of a named tuple have it
    text = value if isinstance(value, str) else inspect.formatannotation(value)
    return re.sub(r"\b(?:tarmak_iam|collections|typing|pathlib)(?:\.\w+)*\.(?=[A-Z])", "", text)


def _default(value: Any) -> str:
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if inspect.isfunction(value):
        return "..."
    text = _quoted(value)
    return "..." if text.startswith("<") or len(text) > 60 else text


def _quoted(value: object) -> str:
    """As the source has it: strings in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def members_of(cls: Any) -> list[tuple[str, Any]]:
    """Methods and properties that callers use, in the order of the source, those of our own base classes first."""
    found: dict[str, Any] = {}
    for each in _described_bases(cls):
        found |= {name: value for name, value in vars(each).items() if not name.startswith("_")}
    return [
        (name, value)
        for name, value in found.items()
        if isinstance(value, (property, cached_property, classmethod, staticmethod)) or inspect.isfunction(value)
    ]


def _described_bases(cls: Any) -> list[Any]:
    """Classes of ours, itself last. What errors inherit is described at their base, once."""
    bases = [cls] if issubclass(cls, Exception) else reversed(cls.__mro__)
    return [each for each in bases if each.__module__.partition(".")[0] in ("tarmak_iam", "tests")]


def attributes_of(cls: Any) -> list[tuple[str, str]]:
    """Fields, values of an enumeration and properties, with what their docstrings say."""
    found: dict[str, str] = {}
    for each in _described_bases(cls):
        found |= {_field(cls, name): text for name, text in _fields(each)}
    for name, value in members_of(cls):
        if isinstance(value, (property, cached_property)):
            found[signature_of(name, value)] = _docstring(value).partition("\n\n")[0]
    return list(found.items())


def _field(cls: Any, name: str) -> str:
    if issubclass(cls, Enum):
        return f"{cls.__name__}.{name}"
    annotations = {
        key: text for base in reversed(cls.__mro__) for key, text in vars(base).get("__annotations__", {}).items()
    }
    return f"{name}: {_annotation(annotations[name])}" if name in annotations else name


def _fields(cls: Any) -> Iterator[tuple[str, str]]:
    if cls is Settings:  # what each is for is in a table, which `--help` reads without pydantic
        return ((name, setting.description) for name, setting in SETTINGS.items())
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(node, ast.ClassDef)
    named = _documented(node.body)
    return ((name, text) for name, text in named if not name.startswith("_") and name != "model_config")


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """The names that a body binds, each with the string after it."""
    for node, after in pairwise([*body, ast.Pass()]):
        match node, after:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(
                value=ast.Constant(value=str() as text)
            ):
                yield name, inspect.cleandoc(text)
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]), _:
                yield name, ""


def _home_of(module: str, name: str) -> str:
    """Where data that the module passes on is defined, and so described."""
    for node in ast.walk(ast.parse(inspect.getsource(importlib.import_module(module)))):
        if isinstance(node, ast.ImportFrom) and node.module and name in {alias.name for alias in node.names}:
            return _home_of(node.module, name)
    return module
