"""Fields by managedFields, and what an apply finds of its own and of others, on literal objects."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

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
    under_one_entry,
)
from tarmak_iam.hook.cluster.objects import LAST_APPLIED, MANAGER

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
NAMED = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}}


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ({"f:spec": {"f:node": {}, "f:missing": {}}}, {"node": None}),
        ({"f:spec": {".": {}, "f:containers": {'k:{"name":"b"}': {}}}}, {"containers": [{"name": "b", "image": "j"}]}),
        (
            {
                "f:spec": {
                    "f:containers": {'k:{"name":"a"}': {".": {}, "f:args": {}, "f:name": {}}, 'k:{"name":"c"}': {}}
                }
            },
            {"containers": [{"name": "a", "args": ["x", "y"]}]},
        ),
        (
            {"f:spec": {"f:ports": {'k:{"port":1,"protocol":"UDP"}': {"f:port": {}}}}},
            {"ports": [{"port": 1}]},
        ),
        ({"f:spec": {"f:finalizers": {'v:"y"': {}}}}, {"finalizers": ["y"]}),
        ({"f:spec": {"f:finalizers": {"i:0": {}}}}, {"finalizers": ["x"]}),
        ({"f:spec": {"f:node": {"f:x": {}}}}, {"node": None}),
    ],
)
def test_an_object_with_some_fields(of: dict[str, Any], expected: dict[str, Any]) -> None:
    assert projected(POD, of) == {**NAMED, "spec": expected}


def test_what_says_which_object_it_is_stays() -> None:
    labels = projected(POD, {"f:metadata": {"f:labels": {"f:b": {}}}})
    assert labels == {**NAMED, "metadata": {"name": "p", "namespace": "n", "labels": {"b": "2"}}}
    assert projected({"kind": "X", "metadata": None, "a": 1}, {"f:b": {}}) == {"kind": "X", "metadata": {}}
    assert projected({"metadata": {"name": "x", "uid": 1}}, {".": {}}) == {"metadata": {"name": "x"}}


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


def test_what_is_laid_over_a_list_of_named_things() -> None:
    live = {"c": [{"name": "a", "x": 1, "y": 1}, {"name": "theirs"}]}
    last = {"c": [{"name": "a", "x": 1}, "no mapping"]}
    assert overlaid(live, {"c": [{"name": "a", "z": 2}]}, last) == {"c": [{"name": "a", "x": 1, "y": 1, "z": 2}]}
    assert overlaid({"c": [1]}, {"c": [{"name": "a"}]}, None) == {"c": [{"name": "a"}]}
    assert overlaid({"c": {"a": 1}}, {"c": {"b": 2}}, {"c": "text"}) == {"c": {"a": 1, "b": 2}}
