"""What messages quote of a file: the key or scalar that they are about, and no more of it than helps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarmak_iam.doctor.checks import Diagnosis
from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, Place, ToolError
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.identity import Identity, whois
from tarmak_iam.identity.model import DaemonNotStarted, Denied
from tarmak_iam.installation.setting_table import SETTINGS as ROWS
from tarmak_iam.mappings.formats.foreign_file import LeftOut
from tarmak_iam.routes import Route
from tarmak_iam.text import MESSAGE, capped, quoted, shortened
from tests.support import ADMIN, Shell
from tests.support.thorough import examples

MAPPINGS, SETTINGS = "aws-iam-authenticator.yaml", "tarmak-iam.yaml"
LONG = 5_000
MOST = 200
"""Of a value, which is for ARNs."""
CANARY = "canary"


# --- the means ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("dev", "dev"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 77 + "..."),
        ("arn:" + "x" * 196, "arn:" + "x" * 196),
        ("arn:" + "x" * 197, "arn:" + "x" * 73 + "..."),
        (f"a\n{'b' * 100}", f"a\n{'b' * 75}..."),
        ("", ""),
        (12, "12"),
    ],
)
def test_shortened(text: object, shown: str) -> None:
    assert shortened(text) == shown
    assert quoted(text) == f"'{shown}'"


def test_every_arn_that_people_have_stays_whole() -> None:
    """IAM: 64 characters for the name of a role or user, and for that of a session."""
    for arn in (
        f"arn:aws-us-gov:sts::111122223333:assumed-role/{'r' * 64}/{'s' * 64}",
        f"arn:aws:iam::111122223333:role/{'r' * 64}",
        f"arn:aws:iam::111122223333:user/division/team/{'r' * 64}",
    ):
        assert shortened(arn) == arn


def test_a_whole_message() -> None:
    assert capped("x" * 1_000) == "x" * 1_000
    assert capped("b" * 600 + "e" * 600) == "b" * 498 + "..." + "e" * 498


@given(st.text(max_size=3_000), st.text(max_size=3_000))
def test_no_finding_or_error_is_longer(what: str, remedy: str) -> None:
    finding = Finding("X001", Severity.ERROR, Subject.CONFIG, Route(), what, remedy)
    assert max(len(finding.message), len(finding.remedy)) <= MESSAGE
    error = ConfigError(what, remedy=remedy)
    assert max(len(error.what), len(error.remedy), len(error.args[0])) <= MESSAGE
    diagnosis = Diagnosis("X001", Severity.ERROR, Place("f"), what, remedy)
    assert max(len(diagnosis.message), len(diagnosis.remedy)) <= MESSAGE
    assert (
        max(len(each) for each in (DaemonNotStarted(what).reason, Denied(what).reason, LeftOut(what).what)) <= MESSAGE
    )


def test_what_a_program_has_done_is_told_whole() -> None:
    assert len(ToolError("x" * 9_000).message) == 9_000
    assert 9_990 < len(ToolError("x" * 90_000).message) <= 10_000


# --- files whose every value is too long -------------------------------------------------------------------------


def long(letter: str) -> str:
    return letter * LONG


def longest_run(text: str) -> int:
    return max((len(each[0]) for each in re.finditer(r"(\w)\1*", text)), default=0)


ROLE = "arn:aws:iam::111122223333:role/"
SESSION = "{{SessionName}}"
MAPPING_COMMANDS = [
    ["check"],
    ["check", "-o", "json"],
    ["check", "-o", "sarif"],
    ["map", "convert", "--to", "CRD"],
    ["manifests"],
    ["whois", ADMIN],
    ["map", "import", "{tmp}/import.yaml"],
    ["diff", "--from", "{tmp}/import.yaml"],
]
CONFIG_COMMANDS = [
    ["check", "--all-clusters"],
    ["check", "-o", "json"],
    ["check", "-o", "sarif"],
    ["enable"],
    ["set", "internalELBAccessLogs.bucket", "x"],
    ["manifests"],
    ["kubeconfig"],
    ["flags"],
    ["render", "--output-dir", "{tmp}/out"],
]
SETTINGS_COMMANDS = [["check"], ["check", "-o", "json"], ["settings", "show"], ["settings", "set", "profile", "x"]]


def entry(kind: str, **keys: str) -> str:
    """A file with one entry, as `mapRoles: [{key: value}]`; the values are YAML."""
    listed = ", ".join(f"{key}: {value}" for key, value in keys.items())
    return f"server: {{map{kind}s: [{{{listed}}}]}}\n"


def role(name: str, **keys: str) -> str:
    return entry("Role", roleARN=f"'{name}'", **{"username": "a", **keys})


IN_MAPPINGS = {
    "a key at the top": f"{long('k')}: 1\nserver: {{}}\n",
    "a paragraph as a key": f"? |\n  {long('k')}\n  {long('l')}\n: 1\nserver: {{}}\n",
    "a key in server": f"server: {{{long('k')}: 1}}\n",
    "a key in an entry": role(ADMIN, **{long("k"): "1"}),
    "a key twice": f"server: {{{long('k')}: 1, {long('k')}: 2}}\n",
    "a username": role(ADMIN, username=f"' {long('u')}'", groups="[x]"),
    "a chosen username": role(ADMIN, username=f"'{SESSION}{long('u')}'"),
    "a reserved username": role(ADMIN, username=f"'system:{long('u')}'"),
    "no template": role(ADMIN, username=f"'{{{{{long('u')}}}}}'"),
    "a group": role(ADMIN, groups=f"[' {long('g')}', 's{long('y')}']"),
    "a chosen group": role(ADMIN, groups=f"['{long('g')}{SESSION}']"),
    "groups as a text": role(ADMIN, groups=f"'{long('g')},{long('h')}'"),
    "groups as a mapping": role(ADMIN, groups=f"{{{long('g')}: {long('h')}}}"),
    "a role": role(f"{ROLE}{long('r')}"),
    "two roles": role(f"{ROLE}{long('r')}").replace("]", f", {{roleARN: '{ROLE}{long('r')}', username: b}}]"),
    "a role with a path": role(f"{ROLE}{long('p')}/{long('r')}"),
    "a role with a blank": role(f" {ROLE}{long('r')}"),
    "a role with a wildcard": role(f"{ROLE}{long('r')}*"),
    "an assumed role": role(f"arn:aws:sts::111122223333:assumed-role/{long('r')}/{long('s')}"),
    "a partition": role(f"arn:{long('p')}:iam::111122223333:role/x"),
    "another partition": role(f"arn:aws-cn:iam::111122223333:role/{long('r')}"),
    "a service": role(f"arn:aws:{long('s')}::111122223333:role/x"),
    "no ARN": role(long("r")),
    "an account of a role": role(f"arn:aws:iam::{long('1')}:role/x"),
    "a user": entry("User", userARN=f"'arn:aws:iam::111122223333:user/{long('r')}'", username=f"'{SESSION}'"),
    "a federated user": entry("User", userARN=f"'arn:aws:sts::111122223333:federated-user/{long('r')}'"),
    "an account": f"server: {{mapAccounts: ['{long('1')}', {long('x')}]}}\n",
    "a scrubbed account": f"server: {{scrubbedAccounts: ['{long('1')}', {long('x')}]}}\n",
    "sso": entry("Role", sso=f"{{permissionSetName: '{long('p')}', accountID: '{long('1')}'}}", username="a"),
    "a partition of sso": entry("Role", sso=f"{{permissionSetName: p, accountID: '1', partition: '{long('q')}'}}"),
    "an entry that is none": f"server: {{mapRoles: [{long('e')}, [{long('f')}]]}}\n",
    "a list that is none": f"server: {{mapRoles: {long('e')}, mapUsers: {{{long('f')}: 1}}}}\n",
    "clusterID": f"clusterID: {long('c')}\nserver: {{}}\n",
    "clusterID as a number": f"clusterID: {long('1')}\nserver: {{}}\n",
    "an address": f"server: {{address: {long('a')}, hostname: {long('h')}ü, port: {long('1')}}}\n",
    "a role of the daemon": f"server: {{ec2DescribeInstancesRoleARN: {long('r')}}}\n",
    "a partition of the daemon": f"server: {{partition: {long('p')}}}\n",
    "a backend": f"server: {{backendMode: [{long('b')}]}}\n",
    "a reserved prefix": f"server: {{reservedPrefixConfig: [{{backendMode: {long('b')}}}]}}\n",
    "an endpoint": f"server: {{masterURL: {long('m')}, kubeconfig: {long('n')}}}\n",
    "an alias": f"server: *{long('a')}\n",
    "a tag": f"server: !{long('t')} x\n",
    "a tag's handle": f"server: !{long('t')}!x x\n",
    "a directive": f"%{long('D')} 1\n---\nserver: {{}}\n",
    "a broken line": f"{long('a')}: {long('b')}: {long('c')}\n",
    "a broken list": f"server: [{long('a')}\n",
    "an escape": f'server: "\\{long("q")}"\n',
    "one scalar": f"{long('s')}\n",
    "one scalar of many lines": "\n".join(long("s") for _ in range(20)) + "\n",
    "a comment": f"# tarmak-iam: ignore[{long('i')}] {long('r')}\nserver: {{}}\n",
    "a comment with a reason": f"# tarmak-iam: ignore[IAM058] {long('r')}\n{long('k')}: 1\nserver: {{}}\n",
    "an object": f"kind: {long('K')}\napiVersion: {long('v')}\nmetadata: {{name: {long('n')}}}\n",
    "a merge": f"server: {{<<: {long('m')}}}\n",
    "an octal username": role(ADMIN, username=f"0{'1' * LONG}"),
    "a second document": f"server: {{}}\n--- {long('d')}\n",
    "JSON": f'{{"{long("k")}": "{long("v")}", "server": {{"mapRoles": "{long("w")}"}}}}\n',
    "broken JSON": f'{{"{long("k")}": {long("v")}}}\n',
}
IN_SETTINGS = {
    "a key": f"{long('k')}: 1\n",
    "a key twice": f"{long('k')}: 1\n{long('k')}: 1\n",
    "all is one scalar": f"{long('s')}\n",
    **{
        f"{key} {number}": f"{key}: {value}\n"
        for key in ROWS
        for number, value in enumerate((long("v"), f"[{long('v')}, {long('w')}]", f"{{{long('v')}: {long('w')}}}"))
    },
    "an image without a tag": f"image: example.com/{long('v')}\n",
    "a tag of an image": f"image: example.com/x:{long('v')}\n",
    "a role's ARN": f"role: {ROLE}{long('r')}\n",
}
HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n"
CLUSTER = "- environment: dev\n  metadata: {name: cluster}\n"
API_SERVER = f"{CLUSTER}  kubernetes:\n    apiServer: "
IN_CONFIG = {
    "a key": f"{long('k')}: 1\n",
    "a paragraph as a key": f"? |\n  {long('k')}\n  {long('l')}\n: 1\n",
    "a key twice": f"{long('k')}: 1\n{long('k')}: 1\n",
    "currentCluster": f"currentCluster: {long('c')}\nclusters:\n{CLUSTER}",
    "currentCluster with a dash": f"currentCluster: {long('c')}-{long('d')}\nclusters:\n{CLUSTER}",
    "an environment": f"currentCluster: {long('c')}-x\nclusters: [{{environment: {long('c')}, metadata: {{name: x}}}}]",
    "a name": f"currentCluster: dev-x\nclusters:\n- {{environment: dev, metadata: {{name: {long('n')}-}}}}\n",
    "environments": f"environments: [{{metadata: {{name: {long('e')}}}, provider: {long('p')}}}]\nclusters:\n{CLUSTER}",
    "two environments": f"environments: [{{metadata: {{name: {long('e')}}}}}, {{metadata: {{name: {long('e')}}}}}]\n",
    "a location": f"clusters:\n{CLUSTER}  location: {long('l')}\n",
    "a version": f"clusters:\n{CLUSTER}  kubernetes: {{version: {long('v')}}}\n",
    "a long version": f"clusters:\n{CLUSTER}  kubernetes: {{version: 1.12.9-{long('v')}}}\n",
    "an old version": f"clusters:\n{CLUSTER}  kubernetes: {{version: 1.8.0-{long('v')}}}\n",
    "a CIDR": f"clusters:\n{API_SERVER}{{allowCIDRs: [{long('c')}]}}\n",
    "a webhook file": f"clusters:\n{API_SERVER}{{authTokenWebhookFile: {long('w')}}}\n",
    "a bucket": f"clusters:\n{API_SERVER}{{amazon: {{internalELBAccessLogs: {{bucket: {long('B')}}}}}}}\n",
    "a key of the section": f"clusters:\n{API_SERVER}{{amazon: {{{long('k')}: 1}}}}\n",
    "a text for a boolean": f"clusters:\n{API_SERVER}{{public: {long('b')}}}\n",
    "a number for a text": f"clusters:\n- environment: {long('1')}\n",
    "a text for a mapping": f"clusters:\n- metadata: {long('m')}\n",
    "a label": f"clusters:\n- metadata: {{labels: {{{long('k')}: [1]}}}}\n",
    "a number beyond JSON": f"{long('k')}: .inf\n",
    "a number as a key": f"{long('1')}: 1\n",
    "an octal number": f"clusters:\n- instancePools: [{{minCount: 0{'1' * 20}}}]\n",
    "a date": f"clusters:\n- metadata: {{creationTimestamp: {long('d')}}}\n",
    "a mode of Prometheus": f"clusters:\n{CLUSTER}  kubernetes: {{prometheus: {{enabled: true, mode: {long('m')}}}}}\n",
    "Calico": f"clusters:\n{CLUSTER}  kubernetes: {{calico: {{backend: {long('b')}}}}}\n",
    "a network": f"clusters:\n{CLUSTER}  network: {{cidr: {long('n')}}}\n",
    "a zone": f"providers: [{{metadata: {{name: p}}, amazon: {{publicZone: {long('z')}_/}}}}]\nclusters:\n{CLUSTER}",
    "a merge": f"a: &a {{{long('k')}: 1}}\nclusters:\n- {{<<: *a, <<: {long('m')}}}\n",
}
IN_KUBECONFIG = {
    "a key": f"{long('k')}: 1\n",
    "a context": f"current-context: {long('c')}\n",
    "a server": f"clusters: [{{name: x, cluster: {{server: '{long('s')}'}}}}]\n",
    "a broken line": f"{long('a')}: {long('b')}: {long('c')}\n",
}
IN_OTHER_FORMATS = {
    "a ConfigMap": f"kind: ConfigMap\ndata: {{mapRoles: '{long('m')}', {long('k')}: x}}\n",
    "users": f"kind: ConfigMap\ndata: {{mapUsers: '[{{userarn: {long('u')}}}]'}}\n",
    "accounts": f"kind: ConfigMap\nmetadata: {{name: aws-auth}}\ndata: {{mapAccounts: '[{long('a')}, 1]'}}\n",
    "kops": f"kind: Cluster\nspec: {{authentication: {{aws: {{identityMappings: [{{arn: {long('a')}}}]}}}}}}\n",
    "eksctl": f"kind: ClusterConfig\niamIdentityMappings: [{{arn: {long('a')}, {long('k')}: 1}}]\n",
    "an object": f"kind: IAMIdentityMapping\nspec: {{arn: {long('a')}, {long('k')}: 1, groups: {long('g')}}}\n",
    "another": f"kind: {long('K')}\nmetadata: {{name: {long('n')}}}\n",
}


@pytest.mark.sample(8)
@pytest.mark.parametrize("text", IN_MAPPINGS.values(), ids=IN_MAPPINGS)
def test_mappings(shell: Shell, tmp_path: Path, text: str) -> None:
    (shell.single / "dev-cluster" / MAPPINGS).write_text(text, encoding="utf-8")
    (tmp_path / "import.yaml").write_text(text, encoding="utf-8")
    check_messages(shell, tmp_path, MAPPING_COMMANDS)


@pytest.mark.sample(15)
@pytest.mark.parametrize("text", IN_SETTINGS.values(), ids=IN_SETTINGS)
def test_settings(shell: Shell, tmp_path: Path, text: str) -> None:
    (shell.single / "dev-cluster" / SETTINGS).write_text(text, encoding="utf-8")
    check_messages(shell, tmp_path, SETTINGS_COMMANDS)


@pytest.mark.sample(6)
@pytest.mark.parametrize("text", IN_CONFIG.values(), ids=IN_CONFIG)
def test_config(shell: Shell, tmp_path: Path, text: str) -> None:
    head = HEAD if "currentCluster" in text else f"{HEAD}currentCluster: dev-cluster\n"
    (shell.single / "tarmak.yaml").write_text(head + text, encoding="utf-8")
    (shell.single / "dev-cluster" / MAPPINGS).write_text(role(ADMIN, groups="['system:masters']"), encoding="utf-8")
    check_messages(shell, tmp_path, CONFIG_COMMANDS)


@pytest.mark.parametrize("text", IN_KUBECONFIG.values(), ids=IN_KUBECONFIG)
def test_kubeconfigs(shell: Shell, tmp_path: Path, text: str) -> None:
    (shell.single / "dev-cluster" / "kubeconfig").write_text(text, encoding="utf-8")
    (tmp_path / "config").write_text(text, encoding="utf-8")
    (tmp_path / "doctor").mkdir()
    (tmp_path / "doctor" / "kubeconfig.yaml").write_text(text, encoding="utf-8")
    check_messages(
        shell, tmp_path, [["kubeconfig"], ["kubeconfig", "--merge", "{tmp}/config"], ["doctor", "{tmp}/doctor"]]
    )


@pytest.mark.parametrize("text", IN_OTHER_FORMATS.values(), ids=IN_OTHER_FORMATS)
def test_other_formats(shell: Shell, tmp_path: Path, text: str) -> None:
    (tmp_path / "import.yaml").write_text(text, encoding="utf-8")
    check_messages(shell, tmp_path, [["map", "import", "{tmp}/import.yaml"], ["diff", "--from", "{tmp}/import.yaml"]])


def check_messages(shell: Shell, tmp_path: Path, commands: list[list[str]]) -> None:
    """Of stdout only what `check` and `doctor` print: that of others is what somebody has asked for."""
    for arguments in commands:
        named = [each.format(tmp=tmp_path) for each in arguments]
        done = shell.run("-c", shell.single, *named, code=None)
        assert "this is a bug" not in done.err
        told = done.out + done.err if arguments[0] in ("check", "doctor") else done.err
        for line in told.splitlines():
            assert longest_run(line) <= MOST, (arguments, line[:400])
            assert len(line) <= 2 * MESSAGE + 500, (arguments, line[:400])


# --- text that nothing is wrong with -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["check", "-o", "json"],
        ["check", "-o", "sarif"],
        ["check", "-o", "github"],
        ["report", "-o", "json"],
        ["whois", ADMIN, "-o", "json"],
        ["map", "convert", "--to", "CRD"],
    ],
    ids=" ".join,
)
def test_unrelated_content_is_in_no_output(shell: Shell, arguments: list[str]) -> None:
    """Values of keys that nobody reads, comments, and the end of a scalar that is a paragraph."""
    home = shell.single / "dev-cluster"
    paragraph = f"{long('p')} {CANARY}"
    (home / MAPPINGS).write_text(
        f"# {CANARY}\nx-note: {CANARY}\nunknown:\n  ? |\n    {paragraph}\n  : {CANARY}\n"
        f"server:\n  # {CANARY}\n  other: [{{{CANARY}: {CANARY}}}]\n  mapRoles:\n"
        f"  - roleARN: {ADMIN}\n    username: a\n    groups: ['system:masters', 's{paragraph} ']\n"
        f"    also: {CANARY} # {CANARY}\n--- {CANARY}\n"
    )
    (home / SETTINGS).write_text(f"# {CANARY}\nprofile: x # {CANARY}\n")
    file = shell.single / "tarmak.yaml"
    file.write_text(f"# {CANARY}\nunknown: {{{CANARY}: {CANARY}}}\n? |\n  {paragraph}\n: 1\n{file.read_text()}")
    done = shell.run("-c", shell.single, *arguments, code=None)
    assert done.out
    if arguments[0] == "report":
        done_text = "".join(re.findall(r'"(?:message|remedy|error)": "(?:[^"\\]|\\.)*"', done.out)) + done.err
        assert CANARY not in done_text
    else:
        assert CANARY not in done.out.replace(f"s{paragraph}", "") + done.err


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=40), st.integers(0, 3))
def test_a_reason_quotes_no_more_than_a_value(text: str, where: int) -> None:
    """whois, which raises nothing."""
    value = (text + "x") * 400
    document = Document.parse(f"clusterID: c\n{role(ADMIN)}", json=False)
    path = [("clusterID",), ("server", "address"), ("server", "partition"), ("server", "port")][where]
    answer = whois(document.set(path, value).text, Identity(ADMIN, "111122223333", "A:s"))
    assert len(answer.reason or "") <= MESSAGE
