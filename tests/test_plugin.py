"""A plugin as a third party writes one, installed and found through its entry points."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import EXAMPLES, FILES_WITHOUT_KUBECONFIG, ROOT
from tests.support.forks import TARMAK_IAM, forked

PLUGIN = ROOT / "tests" / "example_plugin"
CONFIG, MAPPINGS = ((PLUGIN / name).read_text(encoding="utf-8") for name in ("tarmak.yaml", "mappings.yaml"))


@dataclass(frozen=True)
class Installed:
    """The command line with the plugin beside it, on one configuration."""

    site: Path
    file: Path

    def run(self, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(self.site), "NO_COLOR": "1"}
        done = forked(TARMAK_IAM, "-c", self.file.parent, *args, environment=environment)
        assert done.returncode == code, done.stderr or done.stdout
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With pip, offline: setuptools is among what the tests need."""
    package, target = tmp_path_factory.mktemp("package") / "example", tmp_path_factory.mktemp("site")
    shutil.copytree(PLUGIN, package)  # setuptools builds beside the sources
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", str(target), str(package)]
    subprocess.run(command, check=True)
    return target


@pytest.fixture
def installed(site: Path, tmp_path: Path) -> Installed:
    file = tmp_path / "tarmak.yaml"
    file.write_text(CONFIG)
    return Installed(site, file)


def test_its_findings_have_positions(installed: Installed) -> None:
    text = CONFIG.replace("4711", "12").replace("enabled: true", "enabled: true\n      version: 1.x")
    installed.file.write_text(text)
    shown = installed.run("check", code=1).stdout.replace(f"{installed.file}:", "")
    assert shown == (PLUGIN / "findings.txt").read_text(encoding="utf-8")


def test_data_that_do_not_fit_its_model(installed: Installed) -> None:
    installed.file.write_text(CONFIG.replace("4711", "much"))
    found = installed.run("check", code=1).stdout
    assert f"{installed.file}:9:19: error: dev-cluster: costs: must be a whole number [IAM045]" in found
    assert "IAM030" not in found  # its key is known
    shown = installed.run("show", "--section", "costs", code=2)
    assert shown.stderr.startswith(f"{installed.file}:9:19: error: costs: must be a whole number")
    installed.file.write_text(CONFIG.replace("costs:", "cost:"))
    assert "Tarmak ignores 'cost' in clusters[]; did you mean costs?" in installed.run("check", code=1).stdout


def test_set_and_show_are_a_round_trip(installed: Installed) -> None:
    costs = ["--section", "costs"]
    done = installed.run("config", "set", "costs.centre", "4712")
    assert "-  costs: {centre: 4711}  # as agreed\n+  costs: {centre: 4712}  # as agreed\n" in done.stdout
    installed.run("config", "set", "owners", "[ann, bob]")
    installed.run("config", "set", "stage", "live")
    shown = {"centre": 4712, "stage": "live", "owners": ["ann", "bob"]}
    assert json.loads(installed.run("show", *costs, "-o", "json").stdout) == shown
    assert installed.run("show", *costs).stdout == "centre: 4712\nstage: live\nowners: [ann, bob]\n"
    assert "  # who pays\n" in installed.file.read_text()
    installed.run("config", "unset", "costs.owners")
    assert "owners: []  # default" in installed.run("show", *costs).stdout
    installed.run("config", "set", "kubernetes.dashboard.image", "example.org/dashboard")
    assert json.loads(installed.run("show", "--section", "kubernetes.dashboard", "-o", "json").stdout) == {
        "enabled": True,
        "image": "example.org/dashboard",
        "version": "v1.10.1",
    }


REFUSED = {
    "costs.centre 12": "the edit was refused: unknown cost centre 12; use 1000 or higher",
    "costs.centre many": "the edit was refused: costs.centre must be a whole number",
    "costs.stage prod": "the edit was refused: costs.stage must be 'test' or 'live'",
    "costs.owners ann": "the edit was refused: costs.owners must be a list",
    "kubernetes.dashboard.version 1": "the edit was refused: '1' is not a version of the dashboard; start it",
    "kubernetes.dashboard.enabled 1": "kubernetes.dashboard.enabled must be a boolean, not the number 1; Tarmak",
}


def test_what_it_refuses_is_not_written(installed: Installed) -> None:
    for args, error in REFUSED.items():
        refused = installed.run("config", "set", *args.split(), code=2)
        assert f"error: {error}" in refused.stderr
        assert installed.file.read_text() == CONFIG


def test_it_is_in_the_schema(installed: Installed) -> None:
    whole = json.loads(installed.run("schema", "tarmak.yaml").stdout)
    assert whole["definitions"]["section costs"]["properties"]["centre"]["description"] == "Number of the cost centre."
    cluster = whole["definitions"]["Cluster"]["properties"]
    assert cluster["costs"]["$ref"] == "#/definitions/section%20costs"
    assert cluster["costs"]["description"].startswith("Who pays for the cluster. Tarmak does not know it, and drops it")
    dashboard = cluster["kubernetes"]["properties"]["dashboard"]
    assert dashboard["$ref"] == "#/definitions/section%20kubernetes.dashboard"
    assert cluster["kubernetes"]["properties"]["apiServer"]["properties"]["amazon"]
    assert json.loads(installed.run("schema", "costs").stdout)["required"] == ["centre"]


@pytest.fixture
def mapped(installed: Installed) -> Installed:
    """With mappings, and a place and an address that the artifacts need."""
    installed.file.write_text(CONFIG + "environments:\n- metadata: {name: dev}\n  location: eu-west-1\n")
    home = installed.file.parent / "dev-cluster"
    home.mkdir()
    (home / "aws-iam-authenticator.yaml").write_text(MAPPINGS)
    return installed


def test_its_emitter_is_in_manifests_and_in_the_directory(mapped: Installed) -> None:
    objects = json.loads(mapped.run("manifests", "-o", "json").stdout)["items"]
    assert [each["kind"] for each in objects] == ["ClusterRoleBinding", "ConfigMap", "DaemonSet"]
    assert [each["name"] for each in objects[0]["subjects"]] == ["dev:payments", "on-call"]
    out = mapped.file.parent / "out"
    done = mapped.run("render", "--output-dir", str(out))
    own = ("viewers.txt", "clusterrolebinding-iam-viewers.yaml", "configmap.yaml", "daemonset.yaml")
    assert done.stdout.splitlines() == [
        f"wrote {out / name}" for name in (*FILES_WITHOUT_KUBECONFIG, *own, "kustomization.yaml")
    ]
    assert (out / "viewers.txt").read_text() == "'dev:payments'\n'on-call'\n"
    assert "- clusterrolebinding-iam-viewers.yaml\n- configmap.yaml\n" in (out / "kustomization.yaml").read_text()


def test_without_it_its_files_go(mapped: Installed, tmp_path: Path) -> None:
    out = mapped.file.parent / "out"
    mapped.run("render", "--output-dir", str(out))
    done = Installed(tmp_path, mapped.file).run("render", "--output-dir", str(out))
    assert [line for line in done.stdout.splitlines() if "removed" in line] == [
        f"removed {out / 'clusterrolebinding-iam-viewers.yaml'}",
        f"removed {out / 'viewers.txt'}",
    ]
    assert "viewers" not in (out / "kustomization.yaml").read_text()


def test_its_rule_is_one_of_check(mapped: Installed) -> None:
    found = mapped.run("check", code=1).stdout.splitlines()
    file = mapped.file.parent / "dev-cluster" / "aws-iam-authenticator.yaml"
    what = "the group 'on-call' does not name its environment; rename it to dev:on-call"
    assert f"{file}:7:5: warning: {what} [TEAM001]" in found
    entry = "  - roleARN: arn:aws:iam::111122223333:role/Payments"
    ignored = "  # tarmak-iam: ignore[TEAM001] the group is older than the rule"
    file.write_text(MAPPINGS.replace(entry, f"{ignored}\n{entry}"))
    assert "TEAM001" not in mapped.run("check", code=1).stdout


def test_without_it_its_section_is_unknown(tmp_path: Path) -> None:
    bare = Installed(tmp_path, tmp_path / "tarmak.yaml")
    bare.file.write_text(CONFIG)
    assert "unknown section 'costs'" in bare.run("show", "--section", "costs", code=2).stderr
    assert "Tarmak ignores the unknown key 'costs' in clusters[]" in bare.run("check", code=1).stdout


def test_a_plugin_that_cannot_be_loaded(installed: Installed, tmp_path: Path) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tarmak_iam.sections]\nbroken = no_such_module:SECTION\n")
    failed = Installed(tmp_path, installed.file).run("check", code=2)
    assert failed.stderr.splitlines()[-1].startswith(
        "error: the section plugin broken of broken cannot be loaded: ModuleNotFoundError: No module named"
    )


def test_the_readable_examples_do_not_need_it(site: Path) -> None:
    readable = Installed(site, EXAMPLES / "single" / "tarmak.yaml")
    assert readable.run("show", "--section", "costs", "-o", "json").stdout == "{}\n"
