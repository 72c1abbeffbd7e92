"""Paths of a batch: each means what it means in the file before all edits, and two edits do not touch each other."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam import ConfigError, EditRefused, SelectionError, TarmakConfig
from tarmak_iam.config import ConfigEdits
from tests.support.tables import Steps, cases, with_steps

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n"


def cluster(name: str, *pools: str) -> dict[str, Any]:
    """Keys that begin with x- say which cluster or pool it was at first."""
    listed = {"instancePools": [pool(each, f"{name}/{each}") for each in pools]} if pools else {}
    return {"environment": "dev", "metadata": {"name": name}, "x-was": name, **listed}


def pool(name: str, was: str) -> dict[str, Any]:
    counts = {"minCount": 1, "maxCount": 1, "subnets": [{"zone": "eu-west-1a"}]}
    volumes = [{"metadata": {"name": "root"}, "size": "16Gi", "type": "ssd"}]
    return {"type": "worker", "metadata": {"name": name}, "x-was": was, **counts, "volumes": volumes}


def config_of(*clusters: dict[str, Any]) -> TarmakConfig:
    empty = TarmakConfig.parse(f"{HEAD}- environment: dev\n  metadata:\n    name: z\n")
    return empty.with_document(empty.document.set(("clusters",), list(clusters)))


ABC = config_of(cluster("a", "p", "q", "r"), cluster("b", "p", "q"), cluster("c"), cluster("d"))


def seen(config: TarmakConfig) -> dict[str, Any]:
    """The names and the value of `x-n` of clusters and pools, by what they were at first."""
    found: dict[str, Any] = {}
    for each in config.document.data["clusters"]:
        for item in (each, *(each.get("instancePools") or ())):
            found[item["x-was"]] = [item["metadata"]["name"], item.get("x-n")]
    return found


def changes(edit: Steps, config: TarmakConfig = ABC) -> dict[str, Any]:
    before, after = seen(config), seen(with_steps(config.edit("dev-b"), edit).apply())
    return {key: after.get(key) for key in {**before, **after} if before.get(key) != after.get(key)}


@cases("config/cases/batch_paths")
def test_what_paths_mean(edit: Steps, changed: dict[str, Any]) -> None:
    assert changes(edit) == changed


@cases("config/cases/batch_paths")
def test_edits_that_touch_each_other_are_refused(edit: Steps, place: str, first: str, second: str) -> None:
    with pytest.raises(SelectionError) as refused:
        with_steps(ABC.edit("dev-b"), edit).apply()
    assert str(refused.value) == (
        f"tarmak.yaml:{place}: edit 1 ({first}) and edit 2 ({second}) change the same part of the file; "
        "make one of them separately, on the edited file"
    )


@cases("config/cases/batch_paths")
def test_a_path_does_not_mean_what_another_edit_adds(edit: Steps, message: str) -> None:
    with pytest.raises(SelectionError) as refused:
        with_steps(ABC.edit("dev-b"), edit).apply()
    assert refused.value.what.startswith(message)


def test_an_item_is_not_added_twice_with_other_values() -> None:
    edits = ABC.edit("dev-b").append("instancePools", pool("n", "new"))
    for again in (edits.append("instancePools", pool("n", "other")), edits.patch({"instancePools": [pool("n", "o")]})):
        with pytest.raises(ConfigError, match="instancePools has an item 'n' already, with other values"):
            again.apply()


def test_a_cluster_of_another_configuration_stands_for_the_one_of_its_name() -> None:
    old = ABC.cluster("dev-b")
    without = ABC.edit().unset("clusters[dev-a]").apply()
    assert seen(without.edit(old).set("x-n", 1).apply())["b"] == ["b", 1]
    assert seen(without.edit().on(old).set("x-n", 1).apply())["b"] == ["b", 1]
    with pytest.raises(SelectionError, match="unknown cluster 'dev-a'"):
        without.edit(ABC.cluster("dev-a"))
    nameless = TarmakConfig.parse(f"{HEAD}- environment: dev\n").clusters[0]
    with pytest.raises(SelectionError, match="the cluster 'dev-' belongs to another configuration, and has no unique"):
        without.edit(nameless)
    twins = config_of(cluster("b"), cluster("b"))
    with pytest.raises(SelectionError, match="the cluster 'dev-b' belongs to another configuration, and has no unique"):
        twins.edit(old)
    with pytest.raises(TypeError, match="a cluster must be a Cluster or its name, not 5"):
        without.edit(5)  # type: ignore[arg-type]  # the wrong type is the point


def test_an_item_that_is_edited_is_compared_as_it_is_in_the_file() -> None:
    config = TarmakConfig.parse(f"{HEAD}- environment: dev\n  metadata: {{name: a}}\n  x-items:\n  - {{k: 1}}\n")
    edits = config.edit("dev-a").set("x-items[0].k", 2)
    assert edits.append("x-items", {"k": 2}).apply().document.text.endswith("  x-items:\n  - {k: 2}\n  - {k: 2}\n")
    with pytest.raises(SelectionError, match=r"edit 1 \(x-items\[0\]\.k\) and edit 2 \(x-items\) change the same part"):
        edits.append("x-items", {"k": 1}).apply()


SHARED = f"""\
{HEAD}- environment: dev
  metadata: {{name: a}}
  x-items: &items [p, q, r]
  x-note: &note {{n: 1}}
- environment: dev
  metadata: {{name: b}}
  x-items: *items
  x-note: *note
"""


def shared() -> ConfigEdits:
    return TarmakConfig.parse(SHARED).edit("dev-b", through_alias=True)


def test_an_item_of_a_shared_list_is_removed_once() -> None:
    edits = shared().unset("x-items[p]").on("dev-a").unset("x-items[p]")
    assert "x-items: &items [q, r]" in edits.apply().document.text
    assert "x-items: &items [q]" in edits.unset("x-items[2]").apply().document.text
    assert "x-items: &items [q, r]" in edits.unset("x-items[0]").apply().document.text
    assert "x-items: &items [q]" in shared().unset("x-items[p]").on("dev-a").unset("x-items[2]").apply().document.text
    with pytest.raises(SelectionError, match=r"edit 1 \(x-items\) and edit 2 \(x-items\[p\]\) change the same part"):
        shared().set("x-items", ["r", "q"]).on("dev-a").unset("x-items[p]").apply()


def test_an_item_is_added_to_a_shared_list_once() -> None:
    edits = shared().append("x-items", "s").on("dev-a").append("x-items", "s").append("x-items", "t")
    assert "x-items: &items [p, q, r, s, t]" in edits.apply().document.text


def test_a_shared_value_cannot_get_two_values() -> None:
    edits = shared().set("x-note.n", 2).on("dev-a").set("x-note.n", 3)
    with pytest.raises(SelectionError) as refused:
        edits.apply()
    assert str(refused.value) == (
        "tarmak.yaml:7:21: edit 1 (x-note.n) and edit 2 (x-note.n) change the same part of the file; "
        "make one of them separately, on the edited file"
    )
    assert "{n: 3}" in shared().set("x-note.n", 3).on("dev-a").set("x-note.n", 3).apply().document.text


MERGED = f"""\
x-base: &base {{zone: a.local, version: 1.12.9}}
{HEAD}- environment: dev
  metadata: {{name: a}}
  kubernetes: {{<<: *base, podCIDR: 100.64.0.0/16}}
- environment: dev
  metadata: {{name: b}}
  kubernetes: {{<<: *base, podCIDR: 100.64.0.0/16}}
"""


@cases("config/cases/batch_paths")
def test_an_edit_is_not_undone_by_another_one_of_what_it_shares(edit: Steps) -> None:
    with pytest.raises(SelectionError, match=r"edit 1 .* and edit 2 .* change the same part of the file"):
        with_steps(TarmakConfig.parse(MERGED).edit("dev-b", through_alias=True), edit).apply()


def test_a_merged_key_is_removed_once() -> None:
    edits = TarmakConfig.parse(MERGED).edit("dev-b", through_alias=True)
    assert edits.unset("kubernetes.zone").on("dev-a").unset("kubernetes.zone").apply().document.text == (
        MERGED.replace("zone: a.local, ", "")
    )


@cases("config/cases/batch_paths")
def test_a_value_that_a_merge_key_brings_is_not_written_again(edit: Steps) -> None:
    text = with_steps(TarmakConfig.parse(MERGED).edit("dev-b"), edit).apply().document.text
    assert text.replace("100.65", "100.64") == MERGED


def test_a_patch_of_shared_values() -> None:
    def patch(first: Any, second: Any) -> str:
        clusters = [{"environment": "dev", "metadata": {"name": name}} for name in "ab"]
        mapping = {"clusters": [{**clusters[0], **first}, {**clusters[1], **second}]}
        return shared().on(None).patch(mapping).apply().document.text

    assert patch({"x-note": {"n": 2}}, {"x-note": {"n": 2}}) == SHARED.replace("n: 1", "n: 2")
    with pytest.raises(
        EditRefused, match=r"\*note \(line 11\) would lose its anchor \(line 7\); replace the alias with"
    ):
        patch({"x-note": {"n": None}}, {"x-note": {"n": None}})
    with pytest.raises(SelectionError, match=r"edit 1 \(clusters\[0\].x-note.n\) and edit 1 \(clusters\[1\]"):
        patch({"x-note": {"n": 2}}, {"x-note": {"n": 3}})


TWO = HEAD + (
    "- environment: dev\n  metadata: {name: a}\n  kubernetes: {apiServer: {allowCIDRs: [x]}}\n"
    "- environment: dev\n  metadata: {name: b}\n  kubernetes: {apiServer: {allowCIDRs: [10.0.0.0/8]}}\n"
    "- environment: dev\n  metadata: {name: c}\n"
)


def test_what_is_wrong_with_a_value_is_found_where_it_is_after_other_edits() -> None:
    """The file had a value like that in another cluster, which is gone."""
    edits = TarmakConfig.parse(TWO).edit("dev-b").set("kubernetes.apiServer.allowCIDRs[0]", "y")
    with pytest.raises(ConfigError, match="'y' is not a valid CIDR"):
        edits.unset("/clusters[dev-a]").apply()


def test_a_patch_leaves_no_empty_parent_below_the_only_key_of_an_item() -> None:
    """The item would be empty without what the patch sets first."""
    sinks = "  loggingSinks:\n  - elasticsearch:\n      amazonESProxy: {port: 1}\n"
    config = TarmakConfig.parse(f"{HEAD}- environment: dev\n  metadata: {{name: a}}\n{sinks}")
    mapping = {"elasticsearch": {"amazonESProxy": {"port": None}, "host": "h"}}
    after = config.edit("dev-a").patch(mapping, "loggingSinks[0]").apply()
    assert after.get("/clusters[dev-a].loggingSinks") == [{"elasticsearch": {"host": "h"}}]


def test_places_of_errors_are_those_in_the_file() -> None:
    edits = TarmakConfig.parse(TWO).edit("dev-b").unset("/clusters[dev-a]")
    with pytest.raises(ConfigError, match=r"^tarmak.yaml:9:15: kubernetes\.version must be a string, not the number 5"):
        edits.set("kubernetes.version", 5).apply()
    item = r"allowCIDRs has no item '1'; it has 10\.0\.0\.0/8 \(tarmak\.yaml:9:41\)"
    with pytest.raises(SelectionError, match=f"^tarmak.yaml:9:40: .*{item}"):
        edits.set('kubernetes.apiServer.allowCIDRs["1"]', "y").apply()


def test_a_hub_is_one_for_all_edits_of_a_batch() -> None:
    edits = TarmakConfig.parse(TWO.replace("name: c", "name: hub")).edit("dev-hub")
    for batch in (edits, edits.set("metadata.name", "c")):
        with pytest.raises(ConfigError, match="dev-hub is a hub"):
            batch.set("kubernetes.zone", "z").apply()
    after = edits.set("metadata.name", "c").apply().edit("dev-c").set("kubernetes.zone", "z").apply()
    assert after.get("clusters[dev-c].kubernetes.zone") == "z"
