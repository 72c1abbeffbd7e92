"""Keys of the section amazon by their names alone: their values, and which of them are not edited."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.api_server import AMAZON
from tarmak_iam.config.section_keys import key_named, keys_of
from tarmak_iam.config.sections import Section, SectionModel
from tarmak_iam.errors import ConfigError, EditRefused, SelectionError, TarmakIamError

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n- environment: dev\n  metadata: {name: cluster}\n"


class Calico(SectionModel):
    backend: str = "etcd"


def value_at(config: TarmakConfig, index: int, key: str) -> Any:
    value: Any = config.clusters[index].amazon
    for step in key.split("."):
        value = getattr(value, step, None)
    return value


def test_keys_in_the_models_order() -> None:
    assert [each.key for each in keys_of(AMAZON)][:2] == ["publicELBAccessLogs.enabled", "publicELBAccessLogs.bucket"]
    assert key_named(AMAZON, "kubernetes.apiServer.amazon.awsIAMAuthenticatorInit").key == "awsIAMAuthenticatorInit"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_text_is_a_bucket_or_refused(text: str) -> None:
    """Whatever it looks like, it stays the text that it is; what YAML cannot hold is refused."""
    try:
        edits = TarmakConfig.parse(HEAD).edit("dev-cluster").set("internalELBAccessLogs.bucket", text, is_text=True)
        edited = edits.apply()
    except TarmakIamError:
        return
    assert value_at(edited, 0, "internalELBAccessLogs.bucket") == text
    assert value_at(TarmakConfig.parse(edited.document.to_bytes()), 0, "internalELBAccessLogs.bucket") == text


@pytest.mark.parametrize("value", ["true", 1, 0, 1.0, [], {}, "yes"])
def test_a_boolean_is_nothing_else(value: Any) -> None:
    with pytest.raises(ConfigError, match="awsIAMAuthenticatorInit must be a boolean"):
        TarmakConfig.parse(HEAD).set("dev-cluster", "awsIAMAuthenticatorInit", value)


@pytest.mark.parametrize("key", ["", ".", "publicELBAccessLogs.", "publicELBAccessLogs.bucket.name", "awsIAM", "a.b"])
def test_a_key_that_is_not_there(key: str) -> None:
    with pytest.raises(SelectionError, match=r"kubernetes\.apiServer\.amazon has no key"):
        TarmakConfig.parse(HEAD).set("dev-cluster", key, "x")
    with pytest.raises(SelectionError, match=r"kubernetes\.apiServer\.amazon has no key"):
        TarmakConfig.parse(HEAD).unset("dev-cluster", key)


def test_null_is_no_value() -> None:
    with pytest.raises(ConfigError, match=r"internalELBAccessLogs\.bucket requires a value"):
        TarmakConfig.parse(HEAD).set("dev-cluster", "internalELBAccessLogs.bucket", None)


def test_what_counts_from_another_place_is_neither_set_nor_taken_out() -> None:
    first = '{"internalELBAccessLogs": {"bucket": "a"}, "awsIAMAuthenticatorInit": true}'
    text = (
        '{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config", "clusters": [{"environment": "dev", "metadata": '
        '{"name": "cluster"}, "kubernetes": {"apiServer": {"amazon": %s, "amazon": {"internalELBAccessLogs": {}}}}}]}'
    )
    config = TarmakConfig.parse(text % first)
    assert config.clusters[0].authenticator_init
    for key in ("internalELBAccessLogs.bucket", "awsIAMAuthenticatorInit"):
        with pytest.raises(SelectionError, match="'amazon' is in the file twice, in lines 1 and 1: Tarmak merges both"):
            config.unset("dev-cluster", key)


def test_a_key_that_a_merge_key_would_set_is_not_removed() -> None:
    """IAM login would be enabled by that."""
    section = "amazon: {<<: {awsIAMAuthenticatorInit: true}, awsIAMAuthenticatorInit: false}"
    config = TarmakConfig.parse(f"{HEAD}  kubernetes: {{apiServer: {{{section}}}}}\n")
    assert not config.clusters[0].authenticator_init
    with pytest.raises(EditRefused, match="awsIAMAuthenticatorInit would then get the value of"):
        config.unset("dev-cluster", "awsIAMAuthenticatorInit")


def test_another_part_of_the_cluster_is_judged_too() -> None:
    calico = Section(("kubernetes", "calico"), Calico)
    with pytest.raises(ConfigError, match=r"^tarmak\.yaml:4:3: the edit was refused: 'foo' is not a backend of Calico"):
        TarmakConfig.parse(HEAD).set("dev-cluster", "backend", "foo", calico)


def test_a_cluster_that_holds_nothing_else_stays() -> None:
    text = HEAD.replace(
        "- environment: dev\n",
        "- kubernetes: {apiServer: {amazon: {awsIAMAuthenticatorInit: true}}}\n- environment: dev\n",
    )
    config = TarmakConfig.parse(text)
    for edited in (config.unset("-", "awsIAMAuthenticatorInit"), config.disable_authenticator("-")):
        assert [cluster.cluster_name for cluster in edited.clusters] == ["-", "dev-cluster"]
        assert edited.document.to_bytes() == text.replace("{awsIAMAuthenticatorInit: true}", "{}").encode()
