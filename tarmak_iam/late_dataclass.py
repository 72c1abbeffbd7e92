"""`dataclass`, whose classes compile their methods when they are used: one of the standard library compiles up to six
while its module is imported, which is most of the time that a module takes.

The classes behave as those of `dataclasses`, whose functions accept them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import Field, FrozenInstanceError
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

_T = TypeVar("_T")

_FIELDS = "__dataclass_fields__"
_OTHER_KINDS = ("ClassVar", "InitVar", "KW_ONLY")
_OWN_METHODS = frozenset({"__init__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__getstate__", "__slots__"})
_OPTIONS = frozenset({"frozen", "slots", "eq", "repr"})


def _made_late(cls: type[_T] | None = None, /, **options: bool) -> Any:
    """As `dataclasses.dataclass`, which makes all classes with other options than these."""
    if cls is not None:
        return _made_late(**options)(cls)
    return partial(_made, options) if options.keys() <= _OPTIONS else dataclasses.dataclass(**options)


def _made(options: dict[str, bool], cls: type[_T]) -> type[_T]:
    specs = _specs(cls)
    is_plain = not (_OWN_METHODS & vars(cls).keys()) and all(each.init is not False for each in specs.values())
    if not is_plain:
        return dataclasses.dataclass(**options)(cls)
    made = _with_slots(cls, specs) if options.get("slots") else _with_defaults(cls, specs)
    _add_methods(made, specs, options)
    return made


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - exports it
else:
    dataclass = _made_late


def _specs(cls: type) -> dict[str, Field[Any]]:
    """The fields of the class and its bases. A field that is not as usual has `init` false."""
    found: dict[str, Field[Any]] = {}
    for base in cls.__mro__[-1:0:-1]:
        found |= vars(base).get("_late_fields") or vars(base).get(_FIELDS, {})
    for name, annotation in vars(cls).get("__annotations__", {}).items():
        default = vars(cls).get(name, dataclasses.MISSING)
        spec: Any = default if isinstance(default, Field) else dataclasses.field(default=default)
        spec.name, spec.type = name, annotation
        if not isinstance(annotation, str) or any(kind in annotation for kind in _OTHER_KINDS):
            spec.init = False  # the names in the class's own scope are not known here
        if spec.kw_only is dataclasses.MISSING:
            spec.kw_only = False
        spec._field_type = _FIELD  # as `dataclasses` marks it
        found[name] = spec
    return found


def _field_kind() -> object:
    @dataclasses.dataclass(init=False, repr=False, eq=False)
    class Sample:
        """Without a docstring, `dataclasses` computes one from the signature, which takes longer than all else."""

        field: int

    return Sample.__dataclass_fields__["field"]._field_type  # type: ignore[attr-defined]  # see above


_FIELD = _field_kind()


class _Late:
    """A method or attribute of a class that is made when it is first looked up."""

    def __init__(self, name: str, owner: type, make: Callable[[], object]) -> None:
        self._name, self._owner, self._make = name, owner, make

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if vars(self._owner).get(self._name) is self:
            setattr(self._owner, self._name, self._make())
        made = vars(self._owner)[self._name]
        return made.__get__(instance, owner) if hasattr(made, "__get__") else made


def _with_slots(cls: type[_T], specs: dict[str, Field[Any]]) -> type[_T]:
    """A class cannot get slots after it has been made."""
    namespace = {name: value for name, value in vars(cls).items() if name not in specs}
    for name in ("__dict__", "__weakref__"):
        namespace.pop(name, None)
    taken = set(chain.from_iterable(_slots_of(base) for base in cls.__mro__[1:-1]))
    namespace["__slots__"] = tuple(name for name in specs if name not in taken)
    metaclass: Any = type(cls)
    made = metaclass(cls.__name__, cls.__bases__, namespace)
    made.__qualname__ = cls.__qualname__
    late: type[_T] = made
    return late


def _with_defaults(cls: type[_T], specs: dict[str, Field[Any]]) -> type[_T]:
    """The class itself, whose attributes are the defaults."""
    for name, each in specs.items():
        if isinstance(vars(cls).get(name), Field):
            if each.default is dataclasses.MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, each.default)
    return cls


def _add_methods(cls: Any, specs: dict[str, Field[Any]], options: dict[str, bool]) -> None:
    is_frozen, names = options.get("frozen", False), tuple(specs)
    cls._late_fields = specs
    setattr(cls, _FIELDS, specs)
    if "__match_args__" not in vars(cls):
        positional = tuple(name for name, each in specs.items() if not each.kw_only)
        setattr(cls, "__match_args__", positional)  # noqa: B010 - mypy forbids the assignment
    if options.get("eq", True):
        _add_comparison(cls, specs, is_frozen=is_frozen)
    if is_frozen:
        _freeze(cls, names)
        if options.get("slots"):
            _add_state(cls, names)
    cls.__init__ = _Late("__init__", cls, lambda: _init(cls, specs, is_frozen=is_frozen))
    cls.__dataclass_params__ = _Late("__dataclass_params__", cls, lambda: _parameters(options))
    if options.get("repr", True) and "__repr__" not in vars(cls):
        cls.__repr__ = _Late("__repr__", cls, lambda: _repr(tuple(name for name in specs if specs[name].repr)))


def _parameters(options: dict[str, bool]) -> object:
    sample: Any = dataclasses.dataclass(**options)(type("Sample", (), {}))
    return sample.__dataclass_params__


def _repr(names: tuple[str, ...]) -> Callable[[Any], str]:
    from reprlib import recursive_repr

    @recursive_repr()
    def __repr__(self: Any) -> str:  # noqa: N807
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return __repr__


def _slots_of(cls: type) -> Iterator[str]:
    slots = vars(cls).get("__slots__", ())
    yield from (slots,) if isinstance(slots, str) else slots


def _add_comparison(cls: Any, specs: dict[str, Field[Any]], *, is_frozen: bool) -> None:
    compared = _values_of([name for name, each in specs.items() if each.compare])
    hashed = _values_of([name for name, each in specs.items() if (each.compare if each.hash is None else each.hash)])

    def __eq__(self: Any, other: object) -> Any:  # noqa: N807
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(hashed(self))

    cls.__eq__, cls.__hash__ = __eq__, __hash__ if is_frozen else None


def _values_of(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _freeze(cls: Any, names: tuple[str, ...]) -> None:
    def __setattr__(self: Any, name: str, value: object) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    cls.__setattr__, cls.__delattr__ = __setattr__, __delattr__


def _add_state(cls: Any, names: tuple[str, ...]) -> None:
    """For `copy` and `pickle`, which cannot set the attributes."""

    def __getstate__(self: Any) -> list[Any]:  # noqa: N807
        return [getattr(self, name) for name in names]

    def __setstate__(self: Any, state: list[Any]) -> None:  # noqa: N807
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)

    cls.__getstate__, cls.__setstate__ = __getstate__, __setstate__


def _init(cls: Any, specs: dict[str, Field[Any]], *, is_frozen: bool) -> Callable[..., None]:
    """`__init__`, compiled from one line for each field, as `dataclasses` does."""
    known: dict[str, Any] = {"_set": object.__setattr__, "_FACTORY": _FACTORY}
    parameters: list[str] = ["self"]
    keywords: list[str] = []
    lines: list[str] = []
    for name, each in specs.items():
        text, value = name, name
        if each.default is not dataclasses.MISSING:
            known[f"_default_{name}"] = each.default
            text = f"{name}=_default_{name}"
        elif each.default_factory is not dataclasses.MISSING:
            known[f"_make_{name}"] = each.default_factory
            text = f"{name}=_FACTORY"
            value = f"_make_{name}() if {name} is _FACTORY else {name}"
        (keywords if each.kw_only else parameters).append(text)
        lines.append(f" _set(self, {name!r}, {value})" if is_frozen else f" self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    signature = ", ".join([*parameters, *(["*", *keywords] if keywords else [])])
    source = "\n".join([f"def __init__({signature}):", *(lines or [" pass"])])
    exec(source, known)  # noqa: S102 - of the names of fields only
    made: Callable[..., None] = known["__init__"]
    made.__annotations__ = {**{name: each.type for name, each in specs.items()}, "return": None}
    made.__qualname__, made.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    return made


class _Factory:
    def __repr__(self) -> str:
        return "<factory>"


_FACTORY = _Factory()
