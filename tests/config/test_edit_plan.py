"""What the edits of a batch see of each other, and which of them are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tarmak_iam import ConfigError, SelectionError, TarmakConfig
from tarmak_iam.config import ConfigEdits
from tarmak_iam.config.removals import removals
from tarmak_iam.document import Document, Remove
from tarmak_iam.routes import Route
from tests.config.test_batch_paths import HEAD
from tests.support.tables import cases

DEV = f"{HEAD}- environment: dev\n  metadata: {{name: a}}\n"


def dev(more: str = "") -> ConfigEdits:
    return TarmakConfig.parse(DEV + more).edit("dev-a")


def written(edits: ConfigEdits) -> str:
    text = edits.apply().document.text
    assert text.startswith(DEV)
    return text.removeprefix(DEV)


def test_an_item_without_a_name_is_replaced() -> None:
    assert written(dev("  x-l:\n  - {k: 1}\n").set("x-l[k=1]", {"k": 2})) == "  x-l:\n  - {k: 2}\n"


def test_a_whole_number_that_is_written_otherwise_is_the_same() -> None:
    edits = dev("  kubernetes: {apiServer: {amazon: {internalELBAccessLogs: {bucket: b, interval: 60.0}}}}\n")
    assert edits.set("kubernetes.apiServer.amazon.internalELBAccessLogs.interval", 60).apply() is edits.config


def test_a_number_that_other_readers_take_for_a_string_is_written_anew() -> None:
    logs = "  kubernetes: {{apiServer: {{amazon: {{internalELBAccessLogs: {{bucket: b, interval: {0}}}}}}}}}\n"
    edits = dev(logs.format("0b111100")).set("kubernetes.apiServer.amazon.internalELBAccessLogs.interval", 60)
    assert written(edits) == logs.format("60")


@pytest.mark.parametrize("logs", ["{bucket: b, interval: *n}", "{bucket: b, <<: {interval: 0b111100}}"])
def test_a_number_from_elsewhere_is_not_written_anew(logs: str) -> None:
    amazon = f"{{publicELBAccessLogs: {{bucket: a, interval: &n 0b111100}}, internalELBAccessLogs: {logs}}}"
    text = f"  kubernetes: {{apiServer: {{amazon: {amazon}}}}}\n"
    edits = dev(text).set("kubernetes.apiServer.amazon.internalELBAccessLogs.interval", 60)
    assert written(edits) == written(replace(edits, through_alias=True)) == text


def test_a_key_of_a_map_whose_keys_anybody_chooses() -> None:
    edits = dev("  kubernetes: {apiServer: {featureGates: {SomeGate: true}}}\n")
    done = edits.set("kubernetes.apiServer.featureGates.SomeGate", False).set(
        "kubernetes.apiServer.featureGates.B", True
    )
    assert written(done) == "  kubernetes: {apiServer: {featureGates: {SomeGate: false, B: true}}}\n"


@cases("config/cases/edit_plan")
def test_only_lists_are_appended_to(path: str, value: object, message: str) -> None:
    """A key that is not set has the type that Tarmak requires; a list there would make Tarmak reject the file."""
    with pytest.raises(SelectionError, match=message):
        dev("  x-n: 1\n").append(path, value).apply()


def test_a_list_that_is_missing_is_created() -> None:
    assert written(dev().append("x-l", 1).append("x-l", 2)) == "  x-l:\n  - 1\n  - 2\n"


def test_a_cluster_of_another_environment_may_have_the_same_name() -> None:
    added = {"environment": "test", "metadata": {"name": "a"}}
    with pytest.raises(ConfigError, match="a cluster of type cluster-single requires pools"):
        dev().append("/clusters", added).apply()
    with pytest.raises(ConfigError, match=r"/clusters has an item 'a' already, with other values"):
        dev().append("/clusters", {**added, "environment": "dev", "x-n": 1}).apply()


def test_of_duplicate_keys_in_yaml_the_last_one_is_edited() -> None:
    """Tarmak reads that one. In strict JSON it merges both, so that none is edited."""
    text = "  kubernetes:\n    version: 1.12.9\n    version: {}\n"
    assert written(dev(text.format("1.13.1")).set("kubernetes.version", "1.14.10")) == text.format("1.14.10")


@cases("config/cases/edit_plan")
def test_parents_that_a_removal_leaves_empty(text: str, path: tuple[str | int, ...], left: object) -> None:
    """They go, except lists and their items."""
    document = Document.parse(text)
    (edit,) = removals(document, [Route.of(path)])
    assert isinstance(edit, Remove)
    assert document.edit(edit).data == left
