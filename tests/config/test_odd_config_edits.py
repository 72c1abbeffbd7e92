"""Edits of any key in files that are not simple: shared values, duplicates, empty and removed clusters."""

from __future__ import annotations

import pytest

from tarmak_iam import ConfigError, EditRefused, SelectionError, TarmakConfig
from tarmak_iam.config import ConfigEdits
from tests.config.test_config_edits import FILE, POOL, blue, lines, one
from tests.support.tables import cases

ALIASED = FILE + "- environment: prod\n  metadata: {name: two}\n  kubernetes: *k\n"


def test_a_shared_value() -> None:
    config = TarmakConfig.parse(ALIASED.replace("kubernetes:\n", "kubernetes: &k\n", 1))
    with pytest.raises(EditRefused) as refused:
        config.edit("prod-two").set("kubernetes.version", "1.13.1").apply()
    assert str(refused.value) == (
        "tarmak.yaml:18:15: clusters[1].kubernetes is the alias *k: the edit would also change line 8: "
        "clusters[0].kubernetes; replace the alias with its value, or change all of them at &k "
        "(in Python: through_alias=True)"
    )
    after = config.edit("prod-two", through_alias=True).set("kubernetes.version", "1.13.1").apply()
    assert [cluster.kubernetes_version for cluster in after.clusters] == ["1.13.1", "1.13.1"]
    assert [str(route) for route in after.document.also_changed] == ["clusters[0].kubernetes"]


def test_an_edit_of_several_that_cannot_be_made() -> None:
    """The message is that of the edit alone."""
    edits = TarmakConfig.parse(ALIASED.replace("kubernetes:\n", "kubernetes: &k\n", 1)).edit("prod-two")
    with pytest.raises(EditRefused, match=r"^tarmak\.yaml:18:15: clusters\[1\]\.kubernetes is the alias \*k"):
        edits.set("x-note", 1).unset("metadata.name").unset("kubernetes.version").apply()


def test_an_edit_may_not_bring_what_a_merge_key_overrides() -> None:
    text = FILE.replace("    version: 1.12.9  # as the image\n", "    <<: {version: 1.12.9}\n")
    edits = TarmakConfig.parse(text).edit("dev-one")
    after = edits.set("kubernetes.version", "1.13.1").apply()
    assert after.clusters[0].kubernetes_version == "1.13.1"


def test_of_duplicate_keys_in_json_none_is_the_one_to_edit() -> None:
    text = (
        '{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config",\n"clusters": [{"environment": "dev",\n'
        '"metadata": {"name": "one"},\n"kubernetes": {"version": "1.12.9"},\n"kubernetes": {"zone": "z"}}]}'
    )
    edits = TarmakConfig.parse(text).edit("dev-one")
    with pytest.raises(SelectionError) as refused:
        edits.set("kubernetes.version", "1.13.1").apply()
    assert str(refused.value) == (
        "tarmak.yaml:5:15: 'kubernetes' is in the file twice, in lines 4 and 5: Tarmak merges both; "
        "keep one of them, then edit it"
    )
    assert '"environment": "prod"' in edits.set("environment", "prod").apply().document.text


def test_a_null_cluster_and_a_null_parent() -> None:
    config = TarmakConfig.parse(FILE + "-\n")
    after = config.edit().set("clusters[1].environment", "dev").set("clusters[1].metadata.name", "hub").apply()
    assert after.document.text == FILE + "- environment: dev\n  metadata:\n    name: hub\n"
    empty = TarmakConfig.parse(FILE.partition("  kubernetes:")[0] + "  kubernetes:\n")
    assert lines(empty.edit("dev-one").set("kubernetes.zone", "z")) == ["+    zone: z"]


@cases("config/cases/odd_config_edits")
def test_a_text_of_which_something_would_be_lost(path: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        one().set(path, text, is_text=True).apply()
    assert str(caught.value).endswith(f": {message}")


@pytest.mark.parametrize("edits", [one(), blue()])  # without a list, and with one
def test_a_patch_with_two_items_of_one_name(edits: ConfigEdits) -> None:
    with pytest.raises(SelectionError) as caught:
        edits.patch({"instancePools": [POOL, {**POOL, "maxCount": 3}]}).apply()
    assert "items 0 and 1 of instancePools in the patch have the same name; keep one of them" in str(caught.value)


def test_a_patch_that_empties_an_item_of_a_list_does_not_remove_it() -> None:
    text = FILE.partition("- environment")[0] + "- x-notes: {a: 1, b: 2}\n- environment: dev\n"
    after = TarmakConfig.parse(text).edit().patch({"x-notes": {"a": None, "b": None}}, "clusters[0]").apply()
    assert after.document.text == text.replace("{a: 1, b: 2}", "{}")


def test_a_patch_removes_the_parents_that_it_empties_and_no_others() -> None:
    config = TarmakConfig.parse(FILE + "  x-notes:  # ours\n    a: {b: 1}\n    c: {d: 2}\n")
    emptied = config.edit("dev-one").patch({"x-notes": {"a": {"b": None}, "c": {"d": None}}}).apply()
    assert emptied.document.text == FILE
    kept = config.edit("dev-one").patch({"x-notes": {"a": None, "c": {"d": None, "e": 3}}}).apply()
    assert kept.document.text == FILE + "  x-notes:  # ours\n    c: {e: 3}\n"
    filled = config.edit("dev-one").patch({"x-notes": {"a": None, "c": None, "e": 3}}).apply()
    assert filled.document.text == FILE + "  x-notes:  # ours\n    e: 3\n"


def test_a_patch_with_items_without_names_is_made_once() -> None:
    patch = {"instancePools": [{"maxCount": 1}]}
    config = TarmakConfig.parse(FILE + "  instancePools: [{maxCount: 1}]\n")
    assert config.patch(patch, "dev-one") is config
    with pytest.raises(SelectionError, match="item 0 of instancePools in the patch has no name"):
        config.patch({"instancePools": [{"maxCount": 2}]}, "dev-one")


def test_a_patch_with_keys_that_are_no_strings_is_made_once() -> None:
    config = TarmakConfig.parse(FILE + "  x-notes: {a: 1}\n")
    after = config.patch({"x-notes": {True: {"b": 1}, 2: 3}}, "dev-one")
    assert after.clusters[0].get("x-notes") == {"a": 1, "true": {"b": 1}, "2": 3}
    again = after.patch({"x-notes": {True: {"b": 2}, 2: 4}}, "dev-one")
    assert again.clusters[0].get("x-notes") == {"a": 1, "true": {"b": 2}, "2": 4}
    assert again.patch({"x-notes": {True: {"b": 2}, 2: 4}}, "dev-one") is again
