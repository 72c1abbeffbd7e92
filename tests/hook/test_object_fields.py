"""Fields of objects: the merge by fields, what plain apply makes of an object, fields by managedFields, and what an
apply finds of its own and of others. `cases/object_fields.yaml` has the literal objects.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tarmak_iam.emit.kubernetes_objects import MANIFEST_CHECKSUM, with_checksum
from tarmak_iam.hook.cluster.object_fields import (
    MISSING,
    edited_fields,
    field_union,
    fields,
    is_bookkeeping,
    is_field_subset,
    is_own_trace,
    lost_fields,
    merged,
    overlaid,
    projected,
    shortly,
    under_one_entry,
)
from tarmak_iam.hook.cluster.objects import LAST_APPLIED, MANAGER

CASES: dict[str, dict[str, Any]] = YAML(typ="safe").load(Path(__file__).parent / "cases" / "object_fields.yaml")


def cases(function: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES[function].values(), ids=list(CASES[function]))


POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "n", "labels": {"a": "1", "b": "2"}, "uid": "x"},
    "spec": {
        "containers": [{"name": "a", "image": "i", "args": ["x", "y"]}, {"name": "b", "image": "j"}],
        "ports": [{"port": 1, "protocol": "TCP"}, {"port": 1, "protocol": "UDP"}],
        "finalizers": ["x", "y", {"z": 1}],
        "node": None,
    },
}
NAMED: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}}


KEYS = st.sampled_from(["a", "b", "c", "name"])
SCALARS = st.one_of(st.text(max_size=3), st.integers(2, 9), st.booleans())
ITEMS = st.dictionaries(st.sampled_from("xyz"), st.dictionaries(st.sampled_from("ab"), SCALARS), max_size=3).map(
    lambda found: [{"name": name, **each} for name, each in found.items()]
)
VALUES = st.recursive(
    SCALARS | ITEMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


@given(OBJECTS, OBJECTS)
def test_what_nobody_has_touched_is_exactly_as_before(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = merged(copy.deepcopy(after), before, [after])
    assert found[0] == before
    assert found[1] == ()


@given(OBJECTS, OBJECTS, OBJECTS)
def test_twice_is_once(live: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    once = merged(live, before, [after])[0]
    again = merged(once, before, [after])
    assert again[0] == once
    assert again[1] == ()


@given(OBJECTS, OBJECTS)
def test_what_was_never_changed_stays_as_it_is(live: dict[str, Any], before: dict[str, Any]) -> None:
    assert merged(live, before, [copy.deepcopy(before)])[0] == live


@given(OBJECTS, OBJECTS, st.dictionaries(st.sampled_from(["theirs", "others"]), VALUES, min_size=1))
def test_what_others_have_added_stays(before: dict[str, Any], after: dict[str, Any], theirs: dict[str, Any]) -> None:
    found = merged({**after, **theirs}, before, [after])
    assert found[0] == {**before, **theirs}
    assert found[1] == ()


@given(OBJECTS, OBJECTS)
def test_applied_twice_is_applied_once(live: dict[str, Any], wanted: dict[str, Any]) -> None:
    once = overlaid(live, wanted)
    assert overlaid(once, wanted) == once
    assert overlaid(live, live) == live


@cases("merged")
def test_merged(case: dict[str, Any]) -> None:
    value, conflicts = merged(case["live"], case["target"], case["states"])
    assert (value, shortly(conflicts)) == (case["value"], case.get("conflicts", ""))


@cases("overlaid")
def test_overlaid(case: dict[str, Any]) -> None:
    assert overlaid(case["live"], case["wanted"], case.get("last")) == case["value"]


@cases("projected")
def test_projected(case: dict[str, Any]) -> None:
    metadata = {**NAMED["metadata"], **case["value"].get("metadata", {})}
    assert projected(POD, case["of"]) == {**NAMED, **case["value"], "metadata": metadata}


def test_what_says_which_object_it_is_stays() -> None:
    assert projected({"kind": "X", "metadata": None, "a": 1}, {"f:b": {}}) == {"kind": "X", "metadata": {}}
    assert projected({"metadata": {"name": "x", "uid": 1}}, {".": {}}) == {"metadata": {"name": "x"}}


def test_fields_of_several_objects_side_by_side() -> None:
    one = {"a": {"b": 1}, "c": [{"name": "x", "i": 1}], "e": {}}
    other = {"a": {}, "c": [{"name": "x", "i": 2}, {"name": "y", "i": 3}]}
    assert {shortly([path]): values for path, values in fields(one, other)} == {
        "a.b": (1, MISSING),
        "c[x].name": ("x", "x"),
        "c[x].i": (1, 2),
        "c[y].name": (MISSING, "y"),
        "c[y].i": (MISSING, 3),
        "e": ({}, MISSING),
    }


def test_many_fields_are_counted() -> None:
    assert shortly([("a",), ("b", "c")]) == "a, b.c"
    assert shortly([("a",), ("b",), ("c",), ("d",), ("e",)]) == "a, b, c and 2 more"


@pytest.mark.parametrize(
    ("some", "others", "expected"),
    [
        ({}, {}, True),
        ({".": {}}, {}, True),
        ({"f:a": {}}, {"f:a": {}, "f:b": {}}, True),
        ({"f:a": {}, "f:b": {}}, {"f:a": {}}, False),
        ({"f:a": {"f:b": {}}}, {"f:a": {}}, False),
        ({"f:a": {}}, {"f:a": None}, False),
    ],
)
def test_all_fields_of_one_set_are_in_another(some: dict[str, Any], others: dict[str, Any], expected: bool) -> None:
    assert is_field_subset(some, others) is expected


def test_the_fields_of_two_sets() -> None:
    one: dict[str, Any] = {"f:a": {"f:x": {}}, "f:b": {}}
    assert field_union(one, {"f:a": {"f:y": {}}, "f:c": {"f:z": {}}}) == {
        "f:a": {"f:x": {}, "f:y": {}},
        "f:b": {},
        "f:c": {"f:z": {}},
    }
    assert one == {"f:a": {"f:x": {}}, "f:b": {}}


def entry(manager: str, operation: str, of: Any, **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": of, **more}


def managed(each: dict[str, Any], *entries: dict[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(each)
    made["metadata"]["managedFields"] = list(entries)
    return made


def test_what_we_wrote_by_another_way_comes_under_our_one_entry() -> None:
    apply = entry(MANAGER, "Apply", {"f:a": {}}, time="1")
    update = entry(MANAGER, "Update", {"f:b": {}}, time="2")
    other = entry("kubectl-edit", "Update", {"f:c": {}}, time="3")
    status = entry(MANAGER, "Update", {"f:status": {}}, subresource="status")
    found = under_one_entry(managed(POD, other, update, apply, status))
    assert found is not None
    one = entry(MANAGER, "Apply", {"f:a": {}, "f:b": {}}, time="2")
    assert found == managed(POD, other, one, status)
    assert under_one_entry(managed(POD, apply, other)) is None
    assert under_one_entry(managed(POD, update, other)) is None
    noted = copy.deepcopy(POD)
    noted["metadata"]["annotations"] = {LAST_APPLIED: "{}"}
    assert under_one_entry(managed(noted, apply, update)) is None
    assert under_one_entry(managed(POD, apply, entry(MANAGER, "Update", None, time="2"))) == managed(
        POD, entry(MANAGER, "Apply", {"f:a": {}}, time="2")
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("metadata", "annotations", LAST_APPLIED), True),
        (("metadata", "annotations", MANIFEST_CHECKSUM), True),
        (("metadata", "annotations", "example.com/x"), False),
        (("metadata", "annotations"), False),
        (("metadata", "labels", MANIFEST_CHECKSUM), False),
        (("spec", "annotations", MANIFEST_CHECKSUM), False),
    ],
)
def test_annotations_that_note_what_was_done(path: tuple[str, ...], expected: bool) -> None:
    assert is_bookkeeping(path) is expected


CONFIG = with_checksum(
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "n", "labels": {"a": "1"}},
        "data": {"x": "1"},
    }
)
OF_CONFIG = {
    "f:metadata": {"f:labels": {"f:a": {}}, "f:annotations": {f"f:{MANIFEST_CHECKSUM}": {}}},
    "f:data": {"f:x": {}},
}


def applied_by_kubectl(each: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(each)
    made["metadata"]["annotations"] = {**made["metadata"]["annotations"], LAST_APPLIED: json.dumps(last)}
    return made


def test_whose_a_trace_is() -> None:
    server_side = managed(CONFIG, entry("kubectl", "Apply", OF_CONFIG))
    assert is_own_trace(server_side, "kubectl")
    assert is_own_trace(server_side, MANAGER)
    assert not is_own_trace(server_side, "kubectl-client-side-apply")
    assert not is_own_trace(managed(CONFIG, entry("helm", "Apply", OF_CONFIG)), "helm")
    changed = managed({**CONFIG, "data": {"x": "2"}}, entry("kubectl", "Apply", OF_CONFIG))
    assert not is_own_trace(changed, "kubectl")
    ours = managed(changed, entry("kubectl", "Apply", {"f:data": {"f:x": {}}}), entry(MANAGER, "Apply", OF_CONFIG))
    assert is_own_trace(ours, "kubectl")
    of_status = managed(CONFIG, entry("kubectl", "Apply", OF_CONFIG, subresource="status"))
    assert not is_own_trace(of_status, "kubectl")
    update = entry("kubectl-client-side-apply", "Update", OF_CONFIG)
    assert is_own_trace(managed(applied_by_kubectl(CONFIG, CONFIG), update), update["manager"])
    assert not is_own_trace(managed(CONFIG, update), update["manager"])
    other = {**CONFIG, "data": {"x": "3"}}
    assert not is_own_trace(managed(applied_by_kubectl(CONFIG, other), update), update["manager"])
    assert not is_own_trace(managed(applied_by_kubectl(other, CONFIG), update), update["manager"])
    assert not is_own_trace(
        managed(CONFIG, entry("kubectl", "Apply", OF_CONFIG), entry("kubectl", "Update", {})), "kubectl"
    )


def test_fields_that_somebody_has_removed() -> None:
    live = copy.deepcopy(CONFIG)
    del live["data"]["x"]
    assert lost_fields(live, CONFIG, CONFIG) == (("data", "x"),)
    assert lost_fields(CONFIG, CONFIG, CONFIG) == ()
    more = {**CONFIG, "data": {"x": "1", "theirs": "2"}}
    assert lost_fields(more, CONFIG, CONFIG) == ()
    newer = with_checksum({**CONFIG, "data": {"x": "2"}})
    assert lost_fields(live, newer, newer) == ()
    fitted = {**CONFIG, "data": {"x": "2"}}
    assert lost_fields(live, fitted, fitted) == ()


def test_fields_that_somebody_has_set_where_nobody_keeps_who() -> None:
    theirs = {**CONFIG, "data": {"x": "2", "more": "3"}}
    known = applied_by_kubectl(theirs, CONFIG)
    wanted = with_checksum({**CONFIG, "data": {"x": "4"}})
    assert edited_fields(known, wanted) == (("data", "x"),)
    assert edited_fields(known, {**wanted, "data": {"x": "2"}}) == ()
    assert edited_fields(applied_by_kubectl(CONFIG, CONFIG), wanted) == ()
    role = {**theirs, "kind": "Role"}
    assert edited_fields(role, {**role, "data": {"x": "4", "more": "3"}}) == (("data", "x"),)


def test_fields_in_the_order_of_the_first_object() -> None:
    one, other = {"b": 1, "a": {}}, {"c": [], "a": {"x": 1}, "b": 2}
    assert list(fields(one, other)) == [
        (("b",), (1, 2)),
        (("a", "x"), (MISSING, 1)),
        (("c",), (MISSING, [])),
    ]
    assert list(fields({"a": [{"name": "x"}]}, {"a": [{"name": 1}]})) == [
        (("a",), ([{"name": "x"}], [{"name": 1}])),
    ]


def test_an_object_that_is_not_there_before_or_live() -> None:
    assert merged(MISSING, {"a": 1}, [MISSING])[0] == {"a": 1}
    assert merged({"a": 1}, MISSING, [{"a": 1}])[0] is MISSING
    assert repr(MISSING) == "MISSING"
