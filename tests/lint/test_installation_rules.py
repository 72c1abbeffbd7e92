"""Mappings and settings files that are not read where they are."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Subjects, check
from tests.support import ADMIN

FILE = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-cluster
clusters:
- environment: dev
  metadata: {name: cluster}
"""
TWO = FILE + "- environment: dev\n  metadata: {name: hub}\n- environment: prod\n  metadata: {name: cluster}\n"
PEOPLE = f"server:\n  mapRoles:\n  - {{roleARN: '{ADMIN}', username: a, groups: ['system:masters']}}\n"
SETTINGS = "profile: dev\n"
MAPPINGS = "aws-iam-authenticator.yaml"


def write(directory: Path, *names: str, config: str = FILE) -> None:
    (directory / "tarmak.yaml").write_text(config)
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SETTINGS if "tarmak" in path.name else PEOPLE)


def found(directory: Path, *, every: bool = False) -> list[str]:
    config = TarmakConfig.load(directory)
    clusters = config.selectable_clusters if every else config.selectable_clusters[:1]
    subjects = [Subjects.of_cluster(config, each, ClusterFiles.of(config, each)) for each in clusters]
    located = [each for each in check(*subjects) if each.finding.id == "IAM098"]
    return [f"{each.place}: {each.finding.text}".replace(f"{directory}/", "") for each in located]


def files_found(directory: Path, *, every: bool = False) -> list[str]:
    return [each.partition(": ")[0] for each in found(directory, every=every)]


@pytest.mark.parametrize(
    "name",
    [
        "dev-cluster/aws-iam-authenticator.yml",
        "dev-cluster/aws-iam-authenticator.json",
        "dev-cluster/aws_iam_authenticator.yaml",
        "dev-cluster/AWS-IAM-Authenticator.yaml",
        "dev-cluster/aws-iam-authenticator.YAML",
        "dev-cluster/tarmak-iam.yml",
        "dev-cluster/tarmak_iam.yaml",
        MAPPINGS,
        "aws-iam-authenticator.yml",
        "tarmak-iam.yaml",
        "tarmak-iam.yml",
        f"dev/{MAPPINGS}",
        "dev/tarmak-iam.yaml",
        f"cluster/{MAPPINGS}",
        f"dev/cluster/{MAPPINGS}",
        f"Dev-Cluster/{MAPPINGS}",
        f"dev_cluster/{MAPPINGS}",
        f"dev-clster/{MAPPINGS}",
    ],
)
def test_where_a_file_is_not_read(tmp_path: Path, name: str) -> None:
    write(tmp_path, name)
    (line,) = found(tmp_path)
    assert line.startswith(f"{name}: this file is not read: the ")
    assert "dev-cluster/" in line
    command = line.partition("move it: ")[2]
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert found(tmp_path) == []
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    "names",
    [
        (f"dev-cluster/{MAPPINGS}", "dev-cluster/tarmak-iam.yaml"),
        ("dev-cluster/kubeconfig", "dev-cluster/ssh_config"),
        (f"dev-cluster/{MAPPINGS}.bak", "dev-cluster/tarmak-iam.yaml~", "dev-cluster/aws-iam-authenticator-old.yaml"),
        ("dev-cluster/configmap-aws-iam-authenticator.yaml", "aws-auth.yaml"),
        (f"manifests/{MAPPINGS}", f"old/dev-cluster/{MAPPINGS}", f"terraform/{MAPPINGS}"),
        (f"dev2-cluster/{MAPPINGS}",),  # another cluster, which is gone or somewhere else
        (f"dev-clster/{MAPPINGS}", f"dev-cluster/{MAPPINGS}"),
        (f"dev/{MAPPINGS}", "dev/tarmak.yaml"),  # a configuration of its own
        (f"dev-clster/{MAPPINGS}", "dev-clster/tarmak.yaml"),
    ],
)
def test_where_it_is_read_or_somebody_elses(tmp_path: Path, names: tuple[str, ...]) -> None:
    write(tmp_path, *names)
    assert found(tmp_path) == []


def test_nobody_is_mapped_in_the_right_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        "tarmak-iam.yaml",
        config=FILE + "  kubernetes: {apiServer: {amazon: {awsIAMAuthenticatorInit: true}}}\n",
    )
    remedies = []
    for name in ("", f"dev/{MAPPINGS}"):
        if name:
            (tmp_path / "dev").mkdir()
            (tmp_path / name).write_text(PEOPLE)
        config = TarmakConfig.load(tmp_path)
        subjects = Subjects.of_cluster(config, config.clusters[0], ClusterFiles.of(config, config.clusters[0]))
        remedies += [each.finding.remedy for each in check(subjects) if each.finding.id == "IAM021"]
    first, second = remedies
    assert first.startswith("map an admin role: ")
    assert second == f"move {tmp_path}/dev/{MAPPINGS} to where it is read [IAM098], or {first}"


def test_both_files(tmp_path: Path) -> None:
    write(tmp_path, f"dev-cluster/{MAPPINGS}", "dev-cluster/aws-iam-authenticator.yml")
    assert found(tmp_path) == [
        (
            "dev-cluster/aws-iam-authenticator.yml: this file is not read: the mappings of the cluster are read from "
            "dev-cluster/aws-iam-authenticator.yaml; move what should take effect into that file, and remove this one"
        )
    ]


def test_a_directory_that_is_nearly_the_clusters_is_a_guess(tmp_path: Path) -> None:
    write(tmp_path, f"dev-clster/{MAPPINGS}")
    assert found(tmp_path) == [
        f"dev-clster/{MAPPINGS}: this file is not read: the mappings of the cluster are read from "
        f"dev-cluster/{MAPPINGS}; if it belongs to dev-cluster, move it: mkdir -p {tmp_path}/dev-cluster && "
        f"mv {tmp_path}/dev-clster/{MAPPINGS} {tmp_path}/dev-cluster/{MAPPINGS}".replace(f"{tmp_path}/", "")
    ]


def test_names_are_quoted_for_the_shell(tmp_path: Path) -> None:
    home = tmp_path / "a b;"
    home.mkdir()
    write(home, "tarmak-iam.yaml")
    config = TarmakConfig.load(home)
    (each,) = check(Subjects.of_cluster(config, config.clusters[0], ClusterFiles.of(config, config.clusters[0])))
    words = shlex.split(each.finding.remedy.removeprefix("move it: "))
    assert words[-3:] == ["mv", str(home / "tarmak-iam.yaml"), str(home / "dev-cluster" / "tarmak-iam.yaml")]


def test_several_clusters(tmp_path: Path) -> None:
    """What may be of each is reported once; a cluster has nothing of another environment, a hub only its own."""
    write(
        tmp_path,
        "tarmak-iam.yaml",
        f"cluster/{MAPPINGS}",
        f"prod/{MAPPINGS}",
        f"hub/{MAPPINGS}",
        "prod-cluster/tarmak-iam.yml",
        f"dev-hub/{MAPPINGS}",
        config=TWO,
    )
    assert files_found(tmp_path) == [f"cluster/{MAPPINGS}", "tarmak-iam.yaml"]
    both = [
        f"cluster/{MAPPINGS}",
        f"dev-hub/{MAPPINGS}",
        "prod-cluster/tarmak-iam.yml",
        f"prod/{MAPPINGS}",
        "tarmak-iam.yaml",
    ]
    assert sorted(files_found(tmp_path, every=True)) == both
    (line,) = (each for each in found(tmp_path, every=True) if each.startswith("tarmak-iam.yaml"))
    assert line == (
        "tarmak-iam.yaml: this file is not read: the settings of a cluster are read from tarmak-iam.yaml in its own "
        "directory; move it to the directory of its cluster: dev-cluster/tarmak-iam.yaml or "
        "prod-cluster/tarmak-iam.yaml"
    )


def test_the_files_of_a_hub_have_no_effect(tmp_path: Path) -> None:
    write(tmp_path, f"dev-hub/{MAPPINGS}", "dev-hub/tarmak-iam.yml", config=TWO)
    remedy = "move the file to the directory of the cluster that it is for, or remove it"
    assert found(tmp_path, every=True) == [
        f"dev-hub/{MAPPINGS}: these mappings have no effect: dev-hub is a hub, which has no API server; {remedy}",
        f"dev-hub/tarmak-iam.yml: these settings have no effect: dev-hub is a hub, which has no API server; {remedy}",
    ]


def test_the_directory_of_another_cluster_is_its_own(tmp_path: Path) -> None:
    config = FILE + "- environment: a\n  metadata: {name: b}\n- environment: a-b\n  metadata: {name: c}\n"
    write(tmp_path, f"a-b/{MAPPINGS}", config=config)  # the directory of a-b is named as an environment
    assert found(tmp_path, every=True) == []


def test_a_link_to_the_right_file_and_what_is_no_file(tmp_path: Path) -> None:
    write(tmp_path, f"dev-cluster/{MAPPINGS}")
    (tmp_path / "dev-cluster" / "aws-iam-authenticator.yml").symlink_to(MAPPINGS)
    (tmp_path / "tarmak-iam.yaml").symlink_to("nowhere")
    (tmp_path / "tarmak-iam.yml").mkdir()
    os.mkfifo(tmp_path / "aws-iam-authenticator.yml")
    assert found(tmp_path) == []


def test_no_directory_outside_is_listed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    write(outside, MAPPINGS)
    (outside / "tarmak.yaml").unlink()
    write(inside)
    (inside / "dev").symlink_to(outside)
    assert found(inside) == []
    config = TarmakConfig.load(inside)
    cluster = config.clusters[0]
    subjects = Subjects.of_cluster(config, cluster, ClusterFiles.of(config, cluster, follow_links=True))
    assert [each.finding.id for each in check(subjects)] == ["IAM098"]


def test_a_configuration_without_a_file_has_none() -> None:
    config = TarmakConfig.parse(FILE)
    assert config.path is None
    assert Installation.of(config, config.clusters[0]).misplaced_files == ()


ON = FILE + "  kubernetes: {apiServer: {amazon: {awsIAMAuthenticatorInit: true}}}\n"


@pytest.mark.parametrize(
    ("names", "config", "expected"),
    [
        (["iam/aws-iam-authenticator.yaml"], ON, ["iam/aws-iam-authenticator.yaml"]),
        (["iam/aws-iam-authenticator.yml"], ON, ["iam/aws-iam-authenticator.yml"]),
        (["iam/aws-iam-authenticator.yaml"], FILE, []),
        (["iam/aws-iam-authenticator.yaml", "dev-cluster/aws-iam-authenticator.yaml"], ON, []),
        (["iam/aws-iam-authenticator.yaml", "iam/tarmak.yaml"], ON, []),
        (["iam/tarmak-iam.yaml"], ON, []),
        (["iam/other-cluster/aws-iam-authenticator.yaml"], ON, []),
        (["dev-clusters/aws-iam-authenticator.yaml"], ON, ["dev-clusters/aws-iam-authenticator.yaml"]),
        (["Dev_Cluster/aws-iam-authenticator.yaml"], ON, ["Dev_Cluster/aws-iam-authenticator.yaml"]),
    ],
)
def test_mappings_in_any_other_directory(tmp_path: Path, names: list[str], config: str, expected: list[str]) -> None:
    write(tmp_path, *names, config=config)
    assert files_found(tmp_path) == expected
