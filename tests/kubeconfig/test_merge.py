"""Merging into existing kubeconfigs: the cases in kubeconfigs/, each with a state before and one after or an error."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.emit.kubeconfig import client_kubeconfig
from tarmak_iam.errors import ConfigError, TarmakIamError
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.kubeconfig.merge import LISTS, KubeconfigFile, Merge, merge_kubeconfig, redacted_diff
from tests.support.installations import installation
from tests.support.tables import rows

CASES = Path(__file__).parent / "kubeconfigs"
NAMES = sorted(path.name for path in CASES.iterdir())
SECRET = "c2VjcmV0"


def case(name: str) -> tuple[dict[str, Any], Path, Path]:
    (before,) = (CASES / name).glob("before.*")
    return json.loads((CASES / name / "case.json").read_text()), before, before.with_stem("after")


MERGED = [name for name in NAMES if "error" not in case(name)[0]]


def wanted(told: dict[str, Any]) -> Manifest:
    return client_kubeconfig(
        installation(**{key: told[key] for key in ("role", "profile", "exec", "installHint") if key in told})
    )


def merged(data: bytes, told: dict[str, Any], name: str = "before.yaml") -> Merge:
    file = KubeconfigFile.parse(data, name)
    return merge_kubeconfig([file], wanted(told), force=told.get("force", False), use=told.get("use", False))


@pytest.mark.parametrize("name", [name for name in NAMES if "error" in case(name)[0]])
def test_a_refusal(name: str) -> None:
    told, before, _ = case(name)
    with pytest.raises(TarmakIamError) as caught:
        merged(before.read_bytes(), told)
    assert str(caught.value) == told["error"]
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", MERGED)
def test_a_case(name: str) -> None:
    told, before, after = case(name)
    made = merged(before.read_bytes(), told)
    assert made.after[0].to_bytes() == after.read_bytes()
    assert [f"{each.change} {each.kind} {each.name}" for each in made.entries] == told["entries"]
    diff = redacted_diff(made.before[0].document, made.after[0], wanted(told))
    assert diff.startswith("--- ")
    assert SECRET not in diff
    again = merged(after.read_bytes(), told)
    assert not again.is_changed(0)
    assert {each.change for each in again.entries} == {"unchanged"}


@pytest.mark.sample(8)
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("name", MERGED)
def test_kubectl_reads_the_result(name: str, tmp_path: Path) -> None:
    told, _, after = case(name)
    made, context = wanted(told), wanted(told)["current-context"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    view = ["kubectl", "config", "view", "--raw", "-o", "json", "--minify"]
    done = subprocess.run(
        [*view, "--context", context, "--kubeconfig", str(after)], capture_output=True, check=True, env=environment
    )
    read = json.loads(done.stdout)
    assert read["clusters"][0]["cluster"].items() >= made["clusters"][0]["cluster"].items()
    assert read["users"][0]["user"]["exec"]["command"].endswith(made["users"][0]["user"]["exec"]["command"])
    assert read["users"][0]["user"].keys() == {"exec"}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("name", ["refused-duplicate", "refused-kind", "refused-version", "refused-no-mapping"])
def test_kubectl_does_not_read_what_is_refused_as_unreadable(name: str, tmp_path: Path) -> None:
    command = ["kubectl", "config", "view", "--kubeconfig", str(case(name)[1])]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    assert subprocess.run(command, capture_output=True, check=False, env=environment).returncode != 0


STARTS = [
    "",
    "{kind: Config, clusters: [], users: [{name: a, user: {token: x}}], contexts: []}\n",
    '{"kind": "Config", "users": [{"name": "a", "user": {"token": "x"}}]}',
    "kind: Config\nusers:\n- name: a\n  user:\n    token: x # y\n",
    "kind: Config\r\nusers:\r\n  - {name: a, user: {token: x}}\r\ncontexts: null\r\n",
]
ODD = st.one_of(
    st.text(max_size=30), st.sampled_from(["---", "a\n- b", "{{x}}", "%i", "$(id)", "'\"", "#", "a: b", "\x00", "yes"])
)


@given(profile=ODD, start=st.sampled_from(STARTS), command=st.sampled_from(["aws-iam-authenticator", "aws"]))
def test_a_profile_never_becomes_another_key_or_line(profile: str, start: str, command: str) -> None:
    try:
        made = client_kubeconfig(installation(profile=profile, exec=command))
    except ConfigError:
        return
    result = merge_kubeconfig([KubeconfigFile.parse(start, "k")], made).after[0]
    read = KubeconfigFile.of(result)
    assert {key: read.stanza(key, "dev-cluster") is not None for key in LISTS} == dict.fromkeys(LISTS, True)
    for key, kind in LISTS.items():
        stanza = read.stanza(key, "dev-cluster")
        assert stanza is not None
        assert stanza.value == made[key][0][kind]
    assert [each.value for each in read.stanzas if each.name == "a"] == ([{"token": "x"}] if start else [])
    assert set(result.data) <= {"apiVersion", "kind", "clusters", "contexts", "users", "current-context"}


@given(secret=st.text(alphabet=ascii_letters + digits, min_size=12, max_size=20))
def test_a_secret_is_shown_nowhere(secret: str) -> None:
    made = client_kubeconfig(installation())
    # hypothesis tries words of the code too, and what we write ourselves, as interactiveMode, is no secret
    assume(secret not in str(made))
    places = f"""\
# {secret}
users:
- name: a
  user: &x
    token: {secret}   # {secret}
    client-key-data: |
      {secret}
      {secret}
    password: >-
      {secret}
    exec: {{command: sh, args: ["{secret}", --token={secret}], env: [{{name: A, value: '{secret}'}}]}}
    auth-provider: {{name: oidc, config: {{id-token: {secret}}}}}
- name: dev-cluster
  user:
    username: {secret}
    exec: {{command: aws-iam-authenticator, args: [token, -i, dev-cluster, -e, {secret}]}}
- name: b
  user: *x
clusters:
- {{name: a, cluster: {{server: "https://u:{secret}@h", proxy-url: "http://u:{secret}@p"}}}}
extensions: [{{name: a, extension: {secret}}}]
"""
    file = KubeconfigFile.parse(places, "k")
    assert secret not in redacted_diff(None, file.document, made)
    forced = merge_kubeconfig([file], made, force=True)
    assert secret not in redacted_diff(file.document, forced.after[0], made)
    with pytest.raises(TarmakIamError) as caught:
        merge_kubeconfig([file], made)
    assert secret not in str(caught.value)


@pytest.mark.parametrize("text", rows(__file__, "test_no_diff_shows_what_is_around_the_values"))
def test_no_diff_shows_what_is_around_the_values(text: str) -> None:
    made = client_kubeconfig(installation())
    file = KubeconfigFile.parse(text.format(s=SECRET), "k")
    after = merge_kubeconfig([file], made, force=True, use=True).after[0]
    assert "dev-cluster" in redacted_diff(file.document, after, made)
    assert SECRET not in redacted_diff(file.document, after, made)
    assert SECRET not in redacted_diff(None, after, made)


@pytest.mark.parametrize(("text", "shown"), rows(__file__, "test_the_values_that_a_diff_shows"))
def test_the_values_that_a_diff_shows(text: str, shown: str) -> None:
    made = client_kubeconfig(installation(exec="aws", profile="dev"))
    made["clusters"][0]["cluster"]["proxy-url"] = "http://user:secret@proxy"
    after = merge_kubeconfig([KubeconfigFile.parse(text, "k")], made, force=True).after[0]
    lines = redacted_diff(None, after, made).splitlines(keepends=True)[3:]
    assert "".join(line.removeprefix("+") for line in lines) == shown


def test_a_role_that_is_no_arn_is_not_quoted() -> None:
    made = client_kubeconfig(installation())
    user = f"{{exec: {{command: aws-iam-authenticator, args: [token, -i, dev-cluster, -r, {SECRET}]}}}}"
    file = KubeconfigFile.parse(f"users: [{{name: {made['users'][0]['name']}, user: {user}}}]\n", "k")
    role = {**made, "users": [{**made["users"][0], "user": {"exec": {**made["users"][0]["user"]["exec"], "args": [
        "token", "-i", "dev-cluster", "-r", "arn:aws:iam::111122223333:role/Admin"]}}}]}  # fmt: skip
    with pytest.raises(TarmakIamError, match=r"its role is \(not an ARN\)") as caught:
        merge_kubeconfig([file], role)
    assert SECRET not in str(caught.value)
    kept = [each.kept_role for each in merge_kubeconfig([file], made).entries if each.kept_role]
    assert kept == ["(not an ARN)"]


BROKEN = ["{s}: [\n", "a: '{s}\n", "a: *{s}\n", "a: !!int {s}\n", "a: &{s} *{s}\n", "? [{s}]\n: b\n", "<<: {s}\n",
          "\t{s}: b\n", "a: \x07{s}\n", '{{"a": "{s}"', "kind: {s}\n", "users: {s}\n", "users: [{s}]\n",
          "clusters: [{{name: [{s}]}}]\n", "contexts: [{{name: a, context: {s}}}]\n", "current-context: [{s}]\n",
          "apiVersion: {s}\n", "- {s}\n", "{s}\n"]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_no_error_quotes_what_cannot_be_read(text: str) -> None:
    with pytest.raises(TarmakIamError) as caught:
        KubeconfigFile.parse(text.format(s=SECRET), "k")
    assert str(caught.value).startswith("k:")
    assert SECRET not in str(caught.value)


def test_the_first_file_that_has_an_entry_is_changed_and_new_ones_go_to_the_default() -> None:
    made = client_kubeconfig(installation())
    cluster = (
        "clusters: [{name: dev-cluster, cluster: {server: 'https://127.0.0.1:%s', certificate-authority-data: %s}}]\n"
    )
    ca = made["clusters"][0]["cluster"]["certificate-authority-data"]
    texts = ["kind: Config\ncurrent-context: x\n", cluster % (1, ca), cluster % (2, ca)]
    files = [KubeconfigFile.parse(text, str(index)) for index, text in enumerate(texts)]
    result = merge_kubeconfig(files, made, default=0)
    assert [(each.change, each.kind, each.file) for each in result.entries] == [
        ("updated", "cluster", 1),
        ("added", "context", 0),
        ("added", "user", 0),
    ]
    assert [result.is_changed(index) for index in range(3)] == [True, True, False]
    assert result.uses is None


def test_a_current_context_in_another_file_is_left_alone() -> None:
    files = [KubeconfigFile.parse("", "0"), KubeconfigFile.parse("current-context: x\n", "1")]
    made = client_kubeconfig(installation())
    assert merge_kubeconfig(files, made).uses is None
    assert merge_kubeconfig(files, made, use=True).uses == 0


NAMED = st.sampled_from(["a", "b", "dev", "dev-cluster-x", "yes", "1", "it's", "x: y"])
FIELDS = st.dictionaries(
    st.sampled_from(["server", "cluster", "user", "token", "namespace", "args", "x y"]),
    st.one_of(st.text(max_size=8), st.booleans(), st.integers(), st.none(), st.lists(st.text(max_size=4), max_size=3)),
    max_size=3,
)
CONTENTS = st.dictionaries(NAMED, FIELDS, max_size=3)


@given(
    lists=st.fixed_dictionaries({}, optional=dict.fromkeys(LISTS, CONTENTS)),
    style=st.sampled_from(["yaml", "json", "json-lines"]),
    command=st.sampled_from(["aws-iam-authenticator", "tarmak-iam", "aws"]),
)
def test_any_kubeconfig_keeps_what_it_has(lists: dict[str, Any], style: str, command: str) -> None:
    data: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
    for key, contents in lists.items():
        data[key] = [{"name": name, LISTS[key]: value} for name, value in contents.items()]
    text = (
        yaml_bytes(data) if style == "yaml" else json.dumps(data, indent=2 if style == "json-lines" else None).encode()
    )
    made = client_kubeconfig(installation(exec=command))
    result = merge_kubeconfig([KubeconfigFile.parse(text, "k")], made).after[0]
    read = result.data
    for key in LISTS:
        assert read[key] == [*data.get(key, []), made[key][0]]
    again = merge_kubeconfig([KubeconfigFile.parse(result.to_bytes(), "k")], made)
    assert not again.is_changed(0)
