"""Edits of any key in files that are not simple: shared values, duplicates, empty and removed clusters."""

from __future__ import annotations

import pytest

from tarmak_iam import ConfigError, EditRefused, SelectionError, TarmakConfig
from tarmak_iam.config.amazon import AMAZON
from tarmak_iam.config.edits import ConfigEdits
from tarmak_iam.config.section_keys import key_named
from tests.config.test_config_edits import CIDRS, FILE, POOL, blue, lines, one
from tests.support import EXAMPLES

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


def test_a_cluster_that_is_emptied_stays() -> None:
    config = TarmakConfig.parse(FILE + "- kubernetes: {version: 1.12.9}\n")
    after = config.edit().unset("clusters[1].kubernetes.version").apply()
    assert after.document.text == FILE + "- kubernetes: {}\n"


def test_a_path_of_a_cluster_below_a_removed_one_means_no_other_cluster() -> None:
    clusters = "".join(f"- environment: dev\n  metadata: {{name: {name}}}\n  x-n: {name}\n" for name in "abc")
    config = TarmakConfig.parse(f"apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n{clusters}")
    with pytest.raises(SelectionError, match="x-n is looked up after a cluster at or above its own was removed"):
        config.edit("dev-b").unset("/clusters[dev-a]").unset("x-n").apply()
    with pytest.raises(SelectionError, match="remove clusters last"):
        config.edit("dev-b").unset("/clusters[dev-b]").set("x-n", "B").apply()

    after = config.edit("dev-b").set("x-n", "B").unset("/clusters[dev-a]").apply()
    assert [after.get(f"clusters[{index}].x-n") for index in (0, 1)] == ["B", "c"]
    below = config.edit("dev-b").unset("/clusters[dev-c]").set("x-n", "B").set("/contact", "a@example.com").apply()
    assert [below.get("clusters[1].x-n"), below.get("contact")] == ["B", "a@example.com"]
    absolute = config.edit("dev-b").unset("/clusters[dev-a]").unset("/clusters[dev-c].x-n").apply()
    assert [each.get("x-n") for each in absolute.clusters] == ["b", None]


def test_a_hub_is_found_after_a_cluster_above_it_was_removed() -> None:
    config = TarmakConfig.load(EXAMPLES / "multi")
    config = config.with_document(config.document.move(("clusters", 0), ("clusters", 2)))
    edits = config.edit().unset("/clusters[prod-blue]").set("/currentCluster", "prod-green")
    assert "+          version: 1.14.1" in edits.set("/clusters[prod-green].kubernetes.version", "1.14.1").diff()
    with pytest.raises(ConfigError, match="prod-hub is a hub: it has no masters"):
        edits.set("/clusters[prod-hub].kubernetes.version", "1.14.1").apply()


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("kubernetes.apiServer", "{public: true, public: false}", "duplicate key 'public'; keep one of them"),
        ("kubernetes.apiServer.public", "!foo true", "the tag !foo would not be written; remove it"),
        (CIDRS, "[!foo 10.0.0.0/8]", "the tag !foo would not be written; remove it"),
    ],
)
def test_a_text_of_which_something_would_be_lost(path: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        one().set_text(path, text).apply()
    assert str(caught.value).endswith(f": {message}")


def test_a_text_for_a_key_of_a_section_of_which_something_would_be_lost() -> None:
    """Without a place: the text is in no file."""
    with pytest.raises(ConfigError) as caught:
        key_named(AMAZON, "awsIAMAuthenticatorInit").typed("!foo true")
    assert str(caught.value) == "the tag !foo would not be written; remove it"


@pytest.mark.parametrize("edits", [one(), blue()])  # without a list, and with one
def test_a_patch_with_two_items_of_one_name(edits: ConfigEdits) -> None:
    with pytest.raises(SelectionError) as caught:
        edits.patch({"instancePools": [POOL, {**POOL, "maxCount": 3}]}).apply()
    assert "items 0 and 1 of instancePools in the patch have the same name; keep one of them" in str(caught.value)
