"""Finding, reading, selecting and saving tarmak.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from tarmak_iam import TarmakConfig, TarmakIamError
from tarmak_iam.config.tarmak_types import Field, Kind, ScalarTypeError
from tests.support.tables import cases

TEXT = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-cluster
clusters:
- environment: dev
  metadata: {name: cluster}
- environment: prod
  metadata: {name: hub}
- environment: prod
  metadata: {name: blue-2}
-
"""


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TARMAK_CONFIG", raising=False)
    home = tmp_path / ".tarmak"
    home.mkdir()
    (home / "tarmak.yaml").write_text(TEXT)
    return home


def test_the_file_is_found_as_tarmak_finds_it(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert TarmakConfig.load().path == directory / "tarmak.yaml"
    assert TarmakConfig.load(directory).path == directory / "tarmak.yaml"
    assert TarmakConfig.load(str(directory / "tarmak.yaml")).path == directory / "tarmak.yaml"
    other = tmp_path / "other"
    other.mkdir()
    (other / "tarmak.yaml").write_text(TEXT)
    monkeypatch.setenv("TARMAK_CONFIG", str(other))
    assert TarmakConfig.load().path == other / "tarmak.yaml"
    monkeypatch.setenv("TARMAK_CONFIG", "")
    assert TarmakConfig.load().path == directory / "tarmak.yaml"


@pytest.mark.parametrize("name", ["~", "~x", "~/deep"])
def test_a_directory_whose_name_begins_with_a_tilde(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Tarmak replaces `~` and `~/` at the very start only (go-homedir)."""
    other = tmp_path / "work" / name
    other.mkdir(parents=True)
    (other / "tarmak.yaml").write_text(TEXT)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("TARMAK_CONFIG", f"./{name}")
    assert TarmakConfig.load().path == other / "tarmak.yaml"
    monkeypatch.setenv("TARMAK_CONFIG", "~/.tarmak")
    assert TarmakConfig.load().path == directory / "tarmak.yaml"
    assert TarmakConfig.load("~/.tarmak").path == directory / "tarmak.yaml"


def test_the_home_directory_of_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARMAK_CONFIG", "~root/.tarmak")
    with pytest.raises(TarmakIamError) as caught:
        TarmakConfig.load()
    assert str(caught.value) == (
        "~root/.tarmak: Tarmak does not expand the home directory of another user; "
        "write the complete path, or ./~root/.tarmak for a directory of that name"
    )


@cases("config/cases/config")
def test_a_missing_file(tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(TarmakIamError) as caught:
        TarmakConfig.load(tmp_path / path)
    assert str(caught.value) == f"{tmp_path / path}: {message.replace('DIR', str(tmp_path))}"


def test_clusters_in_file_order() -> None:
    config = TarmakConfig.parse(TEXT)
    assert [cluster.cluster_name for cluster in config.clusters] == ["dev-cluster", "prod-hub", "prod-blue-2", "-"]
    assert [cluster.type for cluster in config.clusters] == ["cluster-single", "hub", "cluster-multi", "cluster-single"]
    assert config.cluster("prod-blue-2").name == "blue-2"
    assert config.current_cluster.cluster_name == "dev-cluster"
    assert config.clusters[0].amazon is None


@cases("config/cases/config")
def test_a_current_cluster_that_selects_nothing(current: str, message: str) -> None:
    config = TarmakConfig.parse(TEXT.replace("currentCluster: dev-cluster", f"currentCluster: {current}"))
    with pytest.raises(TarmakIamError) as caught:
        _ = config.current_cluster
    assert str(caught.value) == f"tarmak.yaml:3:17: {message}"


def test_an_unknown_cluster() -> None:
    with pytest.raises(TarmakIamError, match="unknown cluster 'dev'; choose one of dev-cluster"):
        TarmakConfig.parse(TEXT).cluster("dev")


def test_the_section_is_typed() -> None:
    text = TEXT.replace(
        "metadata: {name: cluster}",
        "metadata: {name: cluster}\n  kubernetes:\n    apiServer:\n      amazon:\n"
        "        publicELBAccessLogs: {bucket: b, interval: 5.0}\n        internalELBAccessLogs: null\n"
        "        awsIAMAuthenticatorInit: yes\n        other: 1\n",
    )
    amazon = TarmakConfig.parse(text).cluster("dev-cluster").amazon
    assert amazon is not None
    assert amazon.awsIAMAuthenticatorInit is True
    assert amazon.internalELBAccessLogs is None
    assert amazon.publicELBAccessLogs is not None
    assert (amazon.publicELBAccessLogs.bucket, amazon.publicELBAccessLogs.interval) == ("b", 5)
    assert amazon.publicELBAccessLogs.enabled is None


def test_saving_twice_and_never_over_a_change(directory: Path) -> None:
    config = TarmakConfig.load()
    enabled = config.enable_authenticator("dev-cluster")
    enabled.save()
    assert "awsIAMAuthenticatorInit: true" in (directory / "tarmak.yaml").read_text()
    enabled.disable_authenticator("dev-cluster").save()
    assert (directory / "tarmak.yaml").read_text() == TEXT
    (directory / "tarmak.yaml").write_text(TEXT + "# by somebody else\n")
    with pytest.raises(TarmakIamError, match="the file has changed since it was read"):
        enabled.save()
    with pytest.raises(TarmakIamError, match="this configuration has no file to save to"):
        TarmakConfig.parse(TEXT).save()
    assert (directory / "tarmak.yaml").read_text() == TEXT + "# by somebody else\n"


def test_two_edits_of_one_value_are_not_saved_over_each_other(directory: Path) -> None:
    config = TarmakConfig.load()
    config.enable_authenticator("dev-cluster").save()
    with pytest.raises(TarmakIamError, match="the file contains an edit that this value does not contain"):
        config.set("dev-cluster", "internalELBAccessLogs.bucket", "logs").save()
    assert "awsIAMAuthenticatorInit: true" in (directory / "tarmak.yaml").read_text()


@cases("config/cases/config")
def test_leaves(kind: Kind, value: object, held: object) -> None:
    if held is None:
        with pytest.raises(ScalarTypeError):
            Field(kind).read(value)
    else:
        assert Field(kind).read(value) == held


def json_config(*clusters: str) -> TarmakConfig:
    duplicates = ", ".join(f'"clusters": [{cluster}]' for cluster in clusters)
    return TarmakConfig.parse(f'{{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config", {duplicates}}}')


def test_duplicates_of_strict_json_decode_into_one_struct() -> None:
    on = '{"environment": "a", "metadata": {"name": "n"}, "kubernetes": {"apiServer": {"amazon": {"%s": true}}}}'
    first = on % "awsIAMAuthenticatorInit"
    (cluster,) = json_config(first, '{"environment": "b"}').clusters
    assert (cluster.cluster_name, cluster.authenticator_init) == ("b-n", True)
    (cluster,) = json_config(first, '{"kubernetes": {"apiServer": {"amazon": {}}}, "metadata": null}').clusters
    assert (cluster.cluster_name, cluster.authenticator_init) == ("a-n", True)
    (cluster,) = json_config(first, '{"kubernetes": {"apiServer": {"amazon": null}}}').clusters
    assert cluster.amazon is None


@pytest.mark.parametrize("value", ["allowCIDRs: ['1.2.3.4/%s']", "version"])
def test_thousands_of_digits_are_an_error_of_the_file(value: str) -> None:
    digits = "9" * 5000
    inner = f"apiServer: {{{value % digits}}}" if "%" in value else f"version: '{digits}', apiServer: {{}}"
    text = TEXT.replace("- environment: dev\n", f"- environment: dev\n  kubernetes: {{{inner}}}\n")
    assert len(TarmakConfig.parse(text).clusters[0].effective()["errors"]) == 1


def test_a_number_beyond_floats_is_no_json() -> None:
    with pytest.raises(TarmakIamError, match="which JSON does not have"):
        TarmakConfig.parse('{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config", "x": 1e400}')


def test_what_tarmak_fills_in_is_not_put_into_the_file_s_own_data() -> None:
    logs = "{apiServer: {amazon: {publicELBAccessLogs: {bucket: b}}}}"
    text = TEXT.replace("- environment: dev\n", f"- environment: dev\n  kubernetes: {logs}\n")
    cluster = TarmakConfig.parse(text).clusters[0]
    given = {"publicELBAccessLogs": {"bucket": "b"}}
    defaulted = {"publicELBAccessLogs": {"bucket": "b", "enabled": True, "interval": 5}}
    assert cluster.effective()["apiServer"]["amazon"] == defaulted
    assert cluster.api_server["amazon"] == given


def test_the_typed_section_is_made_once() -> None:
    text = TEXT.replace("- environment: dev\n", "- environment: dev\n  kubernetes: {apiServer: {amazon: {}}}\n")
    cluster = TarmakConfig.parse(text).clusters[0]
    assert cluster.amazon is not None
    assert cluster.amazon is cluster.amazon


def test_the_reprs_are_short_and_name_what_they_are_of() -> None:
    config = TarmakConfig.parse(TEXT)
    assert repr(config.clusters[0]) == "Cluster('dev-cluster', tarmak.yaml:5:3)"
    assert repr(config) == "TarmakConfig('tarmak.yaml', 4 clusters)"
    assert repr(config.clusters[-1]) == "Cluster('-', tarmak.yaml:11:2)"
