"""Late dataclasses behave as those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import FrozenInstanceError, field, fields, is_dataclass, replace
from functools import cached_property
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, Generic, TypeVar

import pytest

import tarmak_iam
from tarmak_iam.late_dataclass import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list, repr=False, compare=False)
    label: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("x is negative")

    @property
    def length(self) -> int:
        return self.x + self.y


@dataclass(frozen=True, slots=True)
class Solid(Point):
    """With a docstring."""

    z: int = 5


@dataclass(frozen=True, slots=True)
class Box(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(frozen=True, slots=True)
class Own:
    a: int

    def __repr__(self) -> str:
        return "own"


@dataclass(frozen=True, slots=True)
class Same:
    a: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same)

    def __hash__(self) -> int:
        return 5


@dataclass(frozen=True, eq=False)
class Node:
    name: str
    items: list[Any] = field(default_factory=list)
    size: int = field(default=2)

    @cached_property
    def double(self) -> int:
        return 2 * self.size


@dataclass
class Counter:
    count: int = 0
    names: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Slotted:
    count: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Ordered:
    a: int


def test_other_options() -> None:
    node = Node("a")
    assert (node.double, node.double, Node.size) == (4, 4, 2)
    assert node == node and node != Node("a")  # noqa: PT018, PLR0124 - compared by identity
    assert {node, node} == {node}
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'name'"):
        node.name = "b"  # type: ignore[misc]
    node.items.append(node)
    assert repr(node) == "Node(name='a', items=[...], size=2)"
    counter = Counter()
    counter.count += 1
    assert counter == Counter(1) == copy.deepcopy(counter)
    with pytest.raises(TypeError, match="unhashable"):
        hash(counter)
    slotted = Slotted()
    slotted.count = 5
    assert pickle.loads(pickle.dumps(slotted)) == slotted == Slotted(5)
    assert not hasattr(slotted, "__dict__")
    assert Ordered(1) < Ordered(2)
    assert Node.__dataclass_params__.frozen is True  # type: ignore[attr-defined]
    assert Counter.__dataclass_params__.frozen is False  # type: ignore[attr-defined]


def test_values_and_defaults() -> None:
    point = Point(1)
    assert (point.x, point.y, point.tags, point.label, point.length) == (1, 0, [], "", 1)
    assert Point(1).tags is not point.tags
    assert Point(1, 2, ["a"], label="b").tags == ["a"]
    assert (Solid(1, 2).y, Solid(1, z=3).z, Solid(1).z) == (2, 3, 5)
    with pytest.raises(ValueError, match="x is negative"):
        Solid(-1)
    with pytest.raises(TypeError, match=r"Point\.__init__\(\) missing 1 required positional argument: 'x'"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Point(1, 2, [], "label")  # type: ignore[call-arg]


def test_frozen_and_without_a_dictionary() -> None:
    point = Solid(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'other'"):
        point.other = 2  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'z'"):
        del point.z
    assert not hasattr(point, "__dict__")
    slots: Any = Solid.__slots__
    assert slots == ("z",)


def test_comparison() -> None:
    nan = float("nan")
    assert Point(1, tags=["a"]) == Point(1, tags=["b"])
    assert Point(1) != Point(1, label="a")
    assert Point(1) != Solid(1)
    assert Box(nan) == Box(nan)  # the same object, as in tuples
    assert Nothing() == Nothing()
    assert hash(Point(1, tags=["a"])) == hash(Point(1, tags=["b"]))
    assert {Box(1), Box(1), Box(2)} == {Box(1), Box(2)}
    with pytest.raises(TypeError, match="unhashable"):
        hash(Box([]))
    assert Point(1).__eq__(5) is NotImplemented


def test_own_methods_stay() -> None:
    assert repr(Own(1)) == "own"
    assert Same(1) == Same(2)
    assert hash(Same(1)) == 5


def test_representation() -> None:
    assert repr(Solid(1, tags=["a"])) == "Solid(x=1, y=0, label='', z=5)"
    assert repr(Box(Nothing())) == "Box(value=Nothing())"


def test_functions_of_dataclasses() -> None:
    assert replace(Solid(1, 2), z=9) == Solid(1, 2, z=9)
    assert dataclasses.astuple(Box((1, 2))) == ((1, 2),)
    assert dataclasses.asdict(Solid(1)) == {"x": 1, "y": 0, "tags": [], "label": "", "z": 5}
    assert is_dataclass(Point)
    assert [each.name for each in fields(Solid)] == ["x", "y", "tags", "label", "z"]


@pytest.mark.parametrize("value", [Solid(1, 2, ["a"], label="b"), Box(Box(1)), Nothing()])
def test_copies(value: Any) -> None:
    for made in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert made == value
        assert type(made) is type(value)


def test_patterns() -> None:
    match Solid(1, 2):
        case Solid(x, y):
            assert (x, y) == (1, 2)
    assert Solid.__match_args__ == ("x", "y", "tags", "z")


def test_a_standard_dataclass_below() -> None:
    @dataclasses.dataclass(frozen=True)
    class Plain(Point):
        w: int = 7

    assert Plain(1, w=8).w == 8
    assert repr(Plain(1)).endswith("Plain(x=1, y=0, label='', w=7)")


def late_classes() -> list[type]:
    found = set()
    for each in walk_packages(tarmak_iam.__path__, "tarmak_iam."):
        if each.name.endswith("__main__") or each.name.endswith(".report.git_repository"):
            continue
        found |= {
            value
            for value in vars(import_module(each.name)).values()
            if "_late_fields" in getattr(value, "__dict__", {})
        }
    return sorted(found, key=lambda cls: f"{cls.__module__}.{cls.__qualname__}")


@pytest.mark.parametrize("cls", late_classes(), ids=lambda cls: f"{cls.__module__}.{cls.__qualname__}")
def test_every_class_has_the_signature_of_a_standard_one(cls: Any) -> None:
    rows = [(each.name, each.type, _written(each)) for each in fields(cls)]
    standard: Any = dataclasses.make_dataclass(cls.__name__, rows, frozen=True, slots=True)
    expected, found = inspect.signature(standard), inspect.signature(cls)
    assert [str(each) for each in found.parameters.values()] == [str(each) for each in expected.parameters.values()]
    assert cls.__match_args__ == standard.__match_args__


def _written(spec: dataclasses.Field[Any]) -> Any:
    if spec.default_factory is not dataclasses.MISSING:
        return field(default_factory=spec.default_factory, kw_only=bool(spec.kw_only))
    return field(default=spec.default, kw_only=bool(spec.kw_only))
