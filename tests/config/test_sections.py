"""Sections of third parties with whatever pydantic offers: set, read, checked and described as the built-in one is."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Literal

import jsonschema
import pytest
from pydantic import Field, field_validator

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.api_server import AMAZON
from tarmak_iam.config.schema import file_schema, section_schema
from tarmak_iam.config.section_keys import GROUP, keys_of
from tarmak_iam.config.sections import Problem, Section, SectionModel, SectionRule
from tarmak_iam.document.plain_values import value_at
from tarmak_iam.errors import ConfigError, SelectionError, TarmakIamError
from tarmak_iam.findings import At, Severity
from tarmak_iam.lint import Subjects, check
from tests.support import EXAMPLES, bring_plugins
from tests.support.tables import cases

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n- environment: dev\n  metadata: {name: cluster}\n"


class Stage(str, Enum):
    TEST = "test"
    LIVE = "live"


class Item(SectionModel):
    name: str
    size: int = 1


class Odd(SectionModel):
    stage: Stage | None = None
    kind: Literal["a", "b"] = "a"
    since: dt.date | None = None
    count: int = Field(default=1, ge=1, le=9)
    port: int | str | None = None
    items: list[Item] = Field(default_factory=list)
    by_name: dict[str, Item] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    pair: tuple[int, int] | None = None
    flags: list[bool] = Field(default_factory=list)
    properties: str = ""
    anything: Any = None
    block: Item | None = None


class Two(SectionModel):
    a: int
    b: int


ODD = Section(("example.org/odd",), Odd)
TWO = Section(("two",), Two)


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    return lambda *sections: bring_plugins(monkeypatch, GROUP, *sections)


Bring = Callable[..., None]


def config(text: str = "") -> TarmakConfig:
    return TarmakConfig.parse(HEAD + text)


@cases("config/cases/sections")
def test_a_text_becomes_a_value_and_is_read_back(bring: Bring, key: str, text: str, value: Any) -> None:
    bring(ODD)
    edited = config().edit("dev-cluster").set(f'"example.org/odd".{key}', text, is_text=True).apply()
    model = edited.clusters[0].section(ODD)
    assert model is not None
    assert value_at(model.model_dump(mode="json", exclude_unset=True), key.split(".")) == value
    assert edited.set("dev-cluster", key, value, ODD) is edited
    assert edited.unset("dev-cluster", key, ODD).document.to_bytes() == HEAD.encode()


@cases("config/cases/sections")
def test_what_does_not_fit_is_refused(bring: Bring, key: str, text: str, message: str) -> None:
    bring(ODD)
    with pytest.raises(ConfigError) as caught:
        config().edit("dev-cluster").set(f'"example.org/odd".{key}', text, is_text=True).apply()
    assert str(caught.value) == f"tarmak.yaml:4:3: the edit was refused: {message}"


def test_keys_that_need_each_other_are_set_together(bring: Bring) -> None:
    bring(TWO)
    with pytest.raises(ConfigError, match="the edit was refused: b is missing"):
        config().set("dev-cluster", "a", 1, TWO)
    edited = config().edit("dev-cluster").set("two.a", 1).set("b", 2).apply()
    assert edited.clusters[0].section(TWO) == Two(a=1, b=2)


def test_a_hub_has_no_kubernetes_but_may_have_other_sections(bring: Bring) -> None:
    of_kubernetes = Section(("kubernetes", "two"), Two)
    bring(TWO, of_kubernetes)
    hub = config().document.text.replace("dev", "prod").replace("name: cluster", "name: hub")
    both = TarmakConfig.parse(hub + "- environment: prod\n  metadata: {name: a}\n")
    edited = both.edit("prod-hub").set("two.a", 1).set("two.b", 2).apply()
    assert edited.clusters[0].section(TWO) == Two(a=1, b=2)
    with pytest.raises(ConfigError, match=r"prod-hub is a hub: it has no masters, so kubernetes\.two\.a would have no"):
        both.set("prod-hub", "a", 1, of_kubernetes)


def test_a_key_of_two_sections_is_ambiguous(bring: Bring) -> None:
    bring(TWO, Section(("three",), Two))
    with pytest.raises(SelectionError, match=r"^'a' may mean several keys; choose one of two\.a, three\.a"):
        config().edit("dev-cluster").set("a", 1).apply()


def test_a_list_of_models_is_a_value_and_a_model_is_a_block() -> None:
    assert [each.key for each in keys_of(ODD)] == [
        *("stage", "kind", "since", "count", "port", "items", "by_name", "labels", "pair", "flags", "properties"),
        *("anything", "block.name", "block.size"),
    ]


def test_a_section_beside_keys_of_tarmaks(bring: Bring) -> None:
    class Dashboard(SectionModel):
        enabled: bool = False
        replicas: int = 1

    dashboard = Section(("kubernetes", "dashboard"), Dashboard)
    bring(dashboard)
    edits = config().edit("dev-cluster", force=True).set("kubernetes.dashboard.enabled", True)
    edited = edits.set("kubernetes.dashboard.replicas", 3).apply()
    assert edited.clusters[0].section(dashboard) == Dashboard(enabled=True, replicas=3)
    assert edited.clusters[0].data["kubernetes"] == {"dashboard": {"enabled": True}}


def test_an_alias_is_refused_where_the_model_is_made() -> None:
    with pytest.raises(TypeError, match=r"Aliased\.own has an alias: the name of a field must be its key"):

        class Aliased(SectionModel):
            own: str = Field(default="", alias="own-key")


@pytest.mark.parametrize("path", ["kubernetes", ["a"], (1,)])
def test_a_path_is_a_tuple_of_texts(path: Any) -> None:
    with pytest.raises(TypeError, match="a path must be a tuple of keys"):
        Section(path, Two)
    with pytest.raises(TypeError, match="a path must be a tuple of keys"):
        Problem(path if path != (1,) else ((),), "x")  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize("section", [ODD, TWO, Section(("Cluster",), Odd)])
def test_the_schemas(section: Section[Any]) -> None:
    own, whole = section_schema(section), file_schema([AMAZON, section])
    for schema in (own, whole):
        jsonschema.Draft7Validator.check_schema(schema)
    key, head = section.path[0], {"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config"}
    good: list[Any] = [None] if section is TWO else [None, {}, {"stage": None, "kind": None, "block": None, "x-a": 1}]
    bad: list[Any] = [[], {"a": 1, "b": "x"}]
    if section is not TWO:
        good += [
            {"stage": "test", "since": "2019-06-01", "count": 9, "port": 80, "items": [{"name": "a"}], "pair": [1, 2]},
            {"flags": [True, "yes"], "by_name": {"x": {"name": "a"}}, "port": "http", "properties": "x"},
        ]
        bad += [{"count": 0}, {"stage": "prod"}, {"pair": [1]}, {"pair": [1, 2, 3]}, {"items": [{}]}, {"block": {}}]
    for data in good:
        jsonschema.validate(data, own, jsonschema.Draft7Validator)
        jsonschema.validate(head | {"clusters": [{key: data}]}, whole, jsonschema.Draft7Validator)
    for data in bad:
        assert not jsonschema.Draft7Validator(own).is_valid(data)
        assert not jsonschema.Draft7Validator(whole).is_valid(head | {"clusters": [{key: data}]})


def found(text: str) -> list[str]:
    return [
        f"{each.place.line}:{each.place.column} {each.finding.id} {each.finding.text}"
        for each in check(Subjects(config(text)))
    ]


def test_everything_that_does_not_fit_is_told(bring: Bring) -> None:
    bring(ODD)
    assert found('  example.org/odd: {count: "5", kind: c, itms: [], block: {name: 5, x-note: a, sizes: 1}}\n') == [
        "6:28 IAM045 dev-cluster: example.org/odd: must be a whole number",
        "6:39 IAM045 dev-cluster: example.org/odd: must be 'a' or 'b'",
        "6:42 IAM046 unknown key 'itms' in the section example.org/odd; did you mean items?",
        "6:66 IAM045 dev-cluster: example.org/odd: must be a string",
        "6:80 IAM046 unknown key 'sizes' in the section example.org/odd; did you mean size?",
    ]


def test_a_rule_sees_all_of_the_cluster_and_points_at_a_key(bring: Bring) -> None:
    def rule(two: Two, cluster: Any) -> Iterator[Problem]:
        assert cluster["example.org/odd"] == {"kind": "b"}
        assert cluster["environment"] == "dev"
        yield Problem(("a",), f"a is {two.a}", "write 2", At.KEY)

    bring(Section(("two",), Two, rules=(SectionRule("TWO001", Severity.WARNING, "a", rule),)), ODD)
    assert found("  two: {a: 1, b: 2}\n  example.org/odd: {kind: b}\n") == ["6:9 TWO001 dev-cluster: a is 1; write 2"]


class Picky(SectionModel):
    a: int = 1

    @field_validator("a")
    @classmethod
    def _never(cls, value: int) -> int:
        if value:
            raise ValueError
        return value


def failing(*args: Any) -> Any:
    raise KeyError(f"nothing about {len(args)}")


def nothing(two: Two) -> Any:
    del two


@pytest.mark.parametrize(
    "section",
    [
        Section(("two",), Two, validate=failing),
        Section(("two",), Two, validate=nothing),
        Section(("two",), Two, defaults=failing),
        Section(("two",), Two, rules=(SectionRule("TWO001", Severity.ERROR, "a", failing),)),
    ],
)
def test_a_plugin_that_fails_is_told_as_such(bring: Bring, section: Section[Any]) -> None:
    bring(section)
    with pytest.raises(TarmakIamError, match=r"the section two has a bug: (KeyError|TypeError): "):
        found("  two: {a: 1, b: 2}\n")


def test_a_validator_without_words(bring: Bring) -> None:
    bring(Section(("picky",), Picky))
    assert found("  picky: {a: 1}\n") == ["6:14 IAM045 dev-cluster: picky: it is wrong"]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ([TWO, TWO], "both package0 and package1 provide the section two"),
        ([Section(("kubernetes",), Two)], "amazon of tarmak-iam and kubernetes of package0 overlap"),
        ([Section((), Two)], "a section of package0 has no path"),
        (["text"], "the entry point section0 of package0 is not of type Section"),
        (
            [Section(("two",), Two, rules=(SectionRule("IAM001", Severity.ERROR, "a", failing),))],
            "both tarmak-iam and package0 provide the rule IAM001",
        ),
    ],
)
def test_plugins_that_exclude_each_other(bring: Bring, sections: list[Any], message: str) -> None:
    bring(*sections)
    with pytest.raises(ConfigError, match=message):
        found("")


def test_many_clusters_are_no_matter(bring: Bring) -> None:
    """The file's plain data are copied once, not once a cluster."""
    bring(TWO)
    text = "".join(
        f"- environment: e{number}\n  metadata: {{name: c}}\n  two: {{a: 1, b: 2}}\n" for number in range(300)
    )
    many = config(text)
    assert many.written_clusters is many.written_clusters
    assert check(Subjects(many)) == []


def test_data_are_json_when_they_reach_a_model() -> None:
    model = config("  example.org/odd: {since: 2019-06-01, pair: [1, 2]}\n").clusters[0].section(ODD)
    assert model is not None
    assert (model.since, model.pair) == (dt.date(2019, 6, 1), (1, 2))
    assert json.loads(model.model_dump_json(exclude_unset=True)) == {"since": "2019-06-01", "pair": [1, 2]}


def test_the_model_of_a_section_that_no_cluster_has_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """pydantic takes longer to import than all else that `check` needs."""

    def load_model() -> type[SectionModel]:
        raise AssertionError("imported")

    absent: Section[SectionModel] = Section(("costs",), load_model)
    monkeypatch.setattr("tarmak_iam.lint.config_rules.load_sections", lambda: (AMAZON, absent))
    config = TarmakConfig.parse(EXAMPLES.joinpath("single", "tarmak.yaml").read_bytes())
    assert check(Subjects(config)) == []
