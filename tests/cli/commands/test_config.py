"""config get, set, unset, append and patch: what a person types, what is printed, and what is in the file."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.support import Result, Shell

VERSION = "kubernetes.version"
CIDRS = "kubernetes.apiServer.allowCIDRs"


def changed(result: Result) -> list[str]:
    """The changed lines of the diff."""
    return [line for line in result.out.splitlines()[2:] if line[0] in "+-"]


def multi(shell: Shell, *args: str | Path, code: int = 0) -> Result:
    return shell.run("-c", shell.multi, "config", *args, code=code)


@pytest.mark.parametrize(
    ("args", "out"),
    [
        ([VERSION], "1.12.9\n"),
        (["kubernetes.apiServer.public"], "true\n"),
        (["instancePools[worker].maxCount"], "9\n"),
        (["instancePools[worker].subnets"], "- zone: eu-central-1a\n"),
        (["metadata"], "name: blue\n"),
        (["/currentCluster"], "prod-blue\n"),
        (["--root", "currentCluster"], "prod-blue\n"),
        (["/environments[prod].location"], "eu-central-1\n"),
        (["--effective", "kubernetes.podCIDR"], "100.64.0.0/16\n"),
        (["--effective", "/environments[prod].adminCIDRs"], "- 0.0.0.0/0\n"),
        (["-o", "yaml", VERSION], "1.12.9\n"),
        (["-o", "yaml", "metadata"], "name: blue\n"),
        (["-o", "json", VERSION], '"1.12.9"\n'),
        (["-o", "json", "metadata"], '{\n  "name": "blue"\n}\n'),
    ],
)
def test_get(shell: Shell, args: list[str], out: str) -> None:
    done = multi(shell, "get", *args)
    assert (done.out, done.err) == (out, "")


def test_get_of_a_whole_cluster_and_of_the_file(shell: Shell) -> None:
    whole = json.loads(multi(shell, "get", ".", "-o", "json").out)
    assert whole["metadata"] == {"name": "blue"}
    assert json.loads(multi(shell, "get", "/", "-o", "json").out)["clusters"][1] == whole


def test_get_says_where_the_value_is(shell: Shell) -> None:
    file = shell.multi / "tarmak.yaml"
    assert f"* kubernetes.version: 1.12.9 ({file}:27:20)\n" in multi(shell, "get", VERSION, "-v").err
    shown = multi(shell, "get", "--effective", "kubernetes.podCIDR", "-v").err
    assert "* kubernetes.podCIDR: 100.64.0.0/16 (Tarmak's default)\n" in shown


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["kubernetes.podCIDR"], "kubernetes.podCIDR is not set; Tarmak uses 100.64.0.0/16 (--effective)"),
        (["instancePools[worker].spotPrice"], "instancePools[worker].spotPrice is not set"),
        (
            ["--effective", "instancePools[worker].spotPrice"],
            "instancePools[worker].spotPrice is not set, and Tarmak's default is not known",
        ),
    ],
)
def test_get_of_a_key_that_is_not_set_exits_with_1(shell: Shell, args: list[str], line: str) -> None:
    done = multi(shell, "get", *args, code=1)
    assert (done.out, done.err) == ("", f"{shell.multi / 'tarmak.yaml'}: {line}\n")


def test_set_and_a_second_run(shell: Shell) -> None:
    file = shell.multi / "tarmak.yaml"
    done = multi(shell, "set", VERSION, "1.13.1", "instancePools[worker].maxCount", "12")
    assert changed(done)[:2] == ["-          version: 1.12.9", "+          version: 1.13.1"]
    assert " maxCount: 12, " in changed(done)[3]
    assert done.err == f"wrote {file}; run `tarmak -c {shell.multi} clusters apply` to apply it to the cluster\n"
    again = multi(shell, "set", VERSION, "1.13.1")
    assert (again.out, again.err) == ("", "unchanged: kubernetes.version already has this value\n")
    both = multi(shell, "set", VERSION, "1.13.1", "instancePools[worker].maxCount", "12")
    assert both.err == ("unchanged: kubernetes.version and instancePools[worker].maxCount already have these values\n")


def test_a_dry_run_writes_nothing(shell: Shell) -> None:
    file = shell.multi / "tarmak.yaml"
    before = file.read_bytes()
    done = multi(shell, "set", VERSION, "1.13.1", "--dry-run")
    assert changed(done) == ["-          version: 1.12.9", "+          version: 1.13.1"]
    assert done.err == "dry run: nothing was written\n"
    assert file.read_bytes() == before


def test_crlf_and_json_stay_as_they_are(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    before = file.read_bytes()
    shell.dev("config", "set", VERSION, "1.13.1")
    assert file.read_bytes() == before.replace(b"version: 1.12.9", b"version: 1.13.1", 1)
    file.write_text(
        '{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config", "currentCluster": "dev-a",\n'
        ' "clusters": [{"environment": "dev", "metadata": {"name": "a"}}]}\n'
    )
    shell.dev("config", "append", CIDRS, "10.0.0.0/8")
    assert '"kubernetes": {"apiServer": {"allowCIDRs": ["10.0.0.0/8"]}}}]}\n' in file.read_text()


def test_compare_and_set(shell: Shell) -> None:
    file = shell.multi / "tarmak.yaml"
    before = file.read_bytes()
    refused = multi(shell, "set", VERSION, "1.13.1", "--if", "1.12.8", code=1)
    assert (refused.out, refused.err) == (
        "",
        f"{file}:27:20: kubernetes.version is 1.12.9, not 1.12.8; nothing was written\n",
    )
    unset = multi(shell, "set", "kubernetes.zone", "z", "--if", "other", code=1)
    assert unset.err == f"{file}:27:11: kubernetes.zone is not set, not other; nothing was written\n"
    assert file.read_bytes() == before
    multi(shell, "set", VERSION, "1.13.1", "--if", "1.12.9")
    again = multi(shell, "set", VERSION, "1.13.1", "--if", "1.12.9")
    assert again.err == "unchanged: kubernetes.version already has this value\n"
    typed = multi(shell, "set", "kubernetes.apiServer.public", "false", "--if", "yes", "--dry-run")
    assert changed(typed) == ["-              public: true", "+              public: false"]


def test_set_only_if_unset(shell: Shell) -> None:
    file = shell.multi / "tarmak.yaml"
    refused = multi(shell, "set", VERSION, "1.13.1", "--if-unset", code=1)
    assert refused.err == f"{file}:27:20: kubernetes.version is 1.12.9; nothing was written\n"
    assert changed(multi(shell, "set", "kubernetes.zone", "z", "--if-unset")) == ["+          zone: z"]
    again = multi(shell, "set", "kubernetes.zone", "z", "--if-unset")
    assert again.err == "unchanged: kubernetes.zone already has this value\n"


def test_all_clusters_are_one_edit(shell: Shell) -> None:
    file = shell.multi / "tarmak.yaml"
    done = multi(shell, "set", VERSION, "1.14.1", "--all-clusters")
    assert changed(done) == [
        "-          version: 1.12.9",
        "+          version: 1.14.1",
        "-          version: 1.15.2      # trial",
        "+          version: 1.14.1      # trial",
    ]
    assert done.err == (
        f"{file}:9:7: note: skipped: prod-hub is a hub: it has no masters\n"
        f"wrote {file}; apply it to each of the 2 clusters, as in `tarmak -c {shell.multi} clusters apply`\n"
        f"{file}:27:20: warning: prod-blue: Kubernetes 1.12.9 to 1.14.1 skips 1.13; Kubernetes supports upgrades by "
        "one minor version at a time\n"
        f"{file}:52:20: warning: prod-green: Kubernetes 1.15.2 to 1.14.1 is a downgrade, which Kubernetes does not "
        "support\n"
    )


def test_clusters_without_the_item_are_skipped(shell: Shell) -> None:
    file = shell.multi / "tarmak.yaml"
    done = multi(shell, "set", "instancePools[worker].maxCount", "10", "--all-clusters", "--dry-run")
    assert len(changed(done)) == 4
    assert done.err == (
        f"{file}:9:7: note: skipped: prod-hub: instancePools has no item 'worker'\ndry run: nothing was written\n"
    )
    none = multi(shell, "set", "instancePools[wroker].maxCount", "10", "--all-clusters", code=2)
    assert none.err == (
        f"{file}:39:11: error: instancePools has no item 'wroker'; "
        f"did you mean instancePools[worker].maxCount ({file}:41:13)?\n"
    )


def test_all_clusters_of_a_file_with_other_entries(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_text(
        "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n- environment: a\n  metadata: {name: x}\n"
        "- environment: a\n  metadata: {name: x}\n-\n"
    )
    done = shell.dev("config", "set", "kubernetes.zone", "z", "--all-clusters")
    assert changed(done) == ["+  kubernetes:", "+    zone: z"]
    assert done.err.splitlines()[:2] == [
        f"{file}:6:3: note: skipped: duplicate cluster a-x, and Tarmak uses the first",
        f"{file}:8:2: note: skipped: an entry without environment or name is not a cluster",
    ]


ALIASED = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-two
clusters:
- environment: dev
  metadata: {name: one}
  kubernetes: &k
    version: 1.12.9
- environment: prod
  metadata: {name: two}
  kubernetes: *k
"""


def test_an_alias_in_the_way(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_text(ALIASED)
    refused = shell.dev("--cluster", "prod-two", "config", "set", VERSION, "1.13.1", code=2)
    assert refused.err == (
        f"{file}:11:15: error: clusters[1].kubernetes is the alias *k: the edit would also change line 7: "
        "clusters[0].kubernetes; replace the alias with its value, or change all of them at &k (--through-alias)\n"
    )
    assert file.read_text() == ALIASED
    done = shell.dev("--cluster", "prod-two", "config", "set", VERSION, "1.13.1", "--through-alias")
    assert changed(done) == ["-    version: 1.12.9", "+    version: 1.13.1"]
    assert done.err.splitlines()[1] == (
        f"{file}:7:15: note: clusters[0].kubernetes has the same value through an alias, and has changed with it"
    )


def test_unset_append_and_their_second_runs(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    before = file.read_bytes()
    added = shell.dev("config", "append", CIDRS, "203.0.113.0/24", "192.0.2.0/24")
    assert changed(added) == ["+      - 203.0.113.0/24"]
    again = shell.dev("config", "append", CIDRS, "203.0.113.0/24", "192.0.2.0/24")
    assert again.err == f"unchanged: {CIDRS} already has these items\n"
    assert shell.dev("config", "append", CIDRS, "192.0.2.0/24").err == f"unchanged: {CIDRS} already has this item\n"
    shell.dev("config", "unset", f"{CIDRS}[203.0.113.0/24]")
    assert file.read_bytes() == before
    gone = shell.dev("config", "unset", f"{CIDRS}[203.0.113.0/24]")
    assert gone.err.startswith(f"unchanged: {CIDRS} has no item '203.0.113.0/24'; it has 192.0.2.0/24 (")
    assert shell.dev("config", "unset", "kubernetes.oidc", code=2).err.endswith(
        "did you mean kubernetes.apiServer.oidc?\n"
    )
    unset = shell.dev("config", "unset", "kubernetes.apiServer.oidc", "kubernetes.tiller")
    assert unset.err == "unchanged: kubernetes.apiServer.oidc is not set; kubernetes.tiller is not set\n"
    removed = shell.dev("config", "unset", CIDRS)
    assert "note" not in removed.err
    assert [line for line in removed.err.splitlines() if line.startswith("removed with it")] == [
        "removed with it: the comment # office",
        "removed with it: the comment # VPN",
    ]


def test_force(shell: Shell) -> None:
    file = shell.multi / "tarmak.yaml"
    refused = multi(shell, "set", "kubernetes.note", "x", code=2)
    assert refused.err == (
        f"{file}:27:11: error: Tarmak does not know the key 'note' in kubernetes; choose one of apiServer, calico, "
        "clusterAutoscaler, controllerManager, dashboard and 14 more; "
        "if only your fork of Tarmak knows it, use --force\n"
    )
    done = multi(shell, "set", "kubernetes.note", "x", "--force")
    assert changed(done) == ["+          note: x"]
    assert "warning: Tarmak ignores the unknown key 'note' in clusters[].kubernetes" in done.err
    assert multi(shell, "set", VERSION, "1.14", "--force", code=2).out == ""


def test_new_findings_are_noted(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    done = shell.dev("config", "set", "/environments[dev].location", "eu-west-9", code=2)
    assert done.err.startswith(f"{file}:")


def test_a_value_that_other_readers_of_yaml_read_differently_is_written_anew(shell: Shell) -> None:
    first = shell.dev("config", "set", "kubernetes.apiServer.public", "true")
    assert changed(first) == ["-      public: yes", "+      public: true"]
    again = shell.dev("config", "set", "kubernetes.apiServer.public", "true")
    assert again.err == "unchanged: kubernetes.apiServer.public already has this value\n"


PATCH = """\
kubernetes:
  version: 1.13.2
  apiServer: {amazon: null}
instancePools:
- metadata: {name: worker}
  maxCount: 11
"""


def test_patch(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "changes.yaml"
    file.write_text(PATCH)
    done = multi(shell, "patch", file)
    assert [line for line in changed(done) if "worker" not in line] == [
        "-          version: 1.12.9",
        "+          version: 1.13.2",
        "-              amazon:",
        "-                  # access logs are asked for by the auditors",
        "-                  publicELBAccessLogs:",
        "-                      bucket: example-public-elb-logs",
        "-                      interval: 60",
        "-                  # awsIAMAuthenticatorInit: true",
    ]
    assert multi(shell, "patch", file).err == f"unchanged: it already has all values of {file}\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"currentCluster": "prod-green"}')))
    assert changed(multi(shell, "patch", "-", "--root")) == [
        "-currentCluster: prod-blue",
        "+currentCluster: prod-green",
    ]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"currentCluster": "prod-green"}')))
    assert multi(shell, "patch", "-", "--root").err == "unchanged: it already has all values of <stdin>\n"


def test_a_patch_of_all_clusters_skips_hubs(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "changes.yaml"
    file.write_text("kubernetes: {zone: z}\n")
    done = multi(shell, "patch", file, "--all-clusters")
    assert changed(done) == ["+          zone: z", "+          zone: z"]
    assert done.err.startswith(
        f"{shell.multi / 'tarmak.yaml'}:9:7: note: skipped: prod-hub is a hub: it has no masters"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "kubernetes:\n  version: 1.13\n",
            (
                ":2:12: error: kubernetes.version must be a string, not the number 1.13; "
                "Tarmak rejects the whole file; "
                'put it in quotes: "1.13"'
            ),
        ),
        (
            "kubernetes:\n  verson: 1.13.1\n",
            ":2:3: error: Tarmak does not know the key 'verson' in clusters[].kubernetes; did you mean version?",
        ),
        ("location: a\nlocation: b\n", ":2:1: error: duplicate key 'location'; keep one of them"),
        (
            "- a\n",
            (
                ":1:1: error: the patch is not a mapping; "
                "write keys and their values, as in kubernetes: {version: 1.14.10}"
            ),
        ),
        (
            "",
            (
                ":1:1: error: the patch is not a mapping; "
                "write keys and their values, as in kubernetes: {version: 1.14.10}"
            ),
        ),
        ("a: 1\n---\nb: 1\n", ":2:1: error: the patch has a second document; use one patch at a time"),
        ("a: [\n", ":2:1: error: invalid YAML: "),
    ],
)
def test_a_wrong_patch(shell: Shell, tmp_path: Path, text: str, line: str) -> None:
    file = tmp_path / "changes.yaml"
    file.write_text(text)
    before = (shell.multi / "tarmak.yaml").read_bytes()
    assert multi(shell, "patch", file, code=2).err.startswith(f"{file}{line}")
    assert (shell.multi / "tarmak.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["get"], "error: missing argument 'PATH' (see tarmak-iam config get --help)"),
        (["get", "a..b"], "error: path 'a..b', column 3: a key is missing; write a.b"),
        (
            ["get", "prod-green"],
            (
                "{file}:21:7: error: Tarmak does not know the key 'prod-green' in the cluster; "
                "did you mean /clusters[prod-green]?"
            ),
        ),
        (["set", VERSION], "error: no value given for kubernetes.version (see tarmak-iam config set --help)"),
        (
            ["set", VERSION, "1", "contact", "x", "--if", "1"],
            "error: --if requires a single PATH VALUE (see tarmak-iam config set --help)",
        ),
        (
            ["set", VERSION, "1", "--if", "1", "--if-unset"],
            "error: --if and --if-unset exclude each other (see tarmak-iam config set --help)",
        ),
        (
            ["set", "/contact", "x", "--all-clusters"],
            "error: --all-clusters requires a path that begins at a cluster (see tarmak-iam config set --help)",
        ),
        (["get", VERSION, "x"], "error: got unexpected extra argument (x) (see tarmak-iam config get --help)"),
        (
            ["set", "kubernetes.apiServer.public", "maybe"],
            (
                '{file}:29:23: error: kubernetes.apiServer.public must be a boolean, not the string "maybe"; '
                "Tarmak rejects the whole file; write true or false"
            ),
        ),
        (["patch", "nothing.yaml"], "nothing.yaml: error: file not found; check the path"),
    ],
)
def test_an_error_is_one_line_and_changes_nothing(shell: Shell, args: list[str], line: str) -> None:
    file = shell.multi / "tarmak.yaml"
    before = file.read_bytes()
    done = multi(shell, *args, code=2)
    assert (done.out, done.err) == (
        "",
        line.replace("{file}", str(file)).replace("{directory}", str(shell.multi)) + "\n",
    )
    assert file.read_bytes() == before


def test_a_key_of_the_file_needs_no_current_cluster(shell: Shell) -> None:
    file = shell.multi / "tarmak.yaml"
    file.write_text(file.read_text().replace("currentCluster: prod-blue\n", ""))
    done = multi(shell, "set", "/currentCluster", "prod-green")
    assert changed(done) == ["+currentCluster: prod-green"]
    assert done.err == f"wrote {file}\n"


@pytest.mark.parametrize(
    ("args", "warnings"),
    [
        (["set", "kubernetes.version", "1.12.10"], []),
        (["set", "kubernetes.version", "1.13.0"], []),
        (
            ["set", "kubernetes.version", "1.12.8"],
            ["27:20: warning: prod-blue: Kubernetes 1.12.9 to 1.12.8 is a downgrade: fixes may be lost"],
        ),
        (
            ["set", "kubernetes.version", "1.11.9"],
            ["27:20: warning: prod-blue: Kubernetes 1.12.9 to 1.11.9 is a downgrade"],
        ),
        (
            ["set", "kubernetes.version", "1.14.0"],
            ["27:20: warning: prod-blue: Kubernetes 1.12.9 to 1.14.0 skips 1.13;"],
        ),
        (
            ["set", "/clusters[1].kubernetes.version", "1.16.1"],
            ["27:20: warning: prod-blue: Kubernetes 1.12.9 to 1.16.1 skips 1.13 to 1.15;"],
        ),
        (
            ["set", "kubernetes.version", "1.15.2"],
            ["27:20: warning: prod-blue: Kubernetes 1.12.9 to 1.15.2 skips 1.13 and 1.14;"],
        ),
        (
            ["set", "kubernetes.version", "1.14.3", "--all-clusters"],
            [
                "27:20: warning: prod-blue: Kubernetes 1.12.9 to 1.14.3 skips 1.13;",
                "52:20: warning: prod-green: Kubernetes 1.15.2 to 1.14.3 is a downgrade",
            ],
        ),
        (
            ["unset", "kubernetes.version", "--all-clusters"],
            ["45:7: warning: prod-green: Kubernetes 1.15.2 to 1.12.9 is a downgrade"],
        ),
    ],
)
@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_change_of_the_version_that_kubernetes_does_not_support(
    shell: Shell, args: list[str], warnings: list[str], more: list[str]
) -> None:
    done = shell.run("-c", shell.multi, "config", *args, *more)
    warned = [line for line in done.err.splitlines() if ": warning: " in line]
    assert len(warned) == len(warnings)
    for line, expected in zip(warned, warnings, strict=True):
        assert line.startswith(f"{shell.multi}/tarmak.yaml:{expected}")
