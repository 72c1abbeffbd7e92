"""The objects of every backend: what they are, that Kubernetes takes them, and that the daemon reads the same."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any

import jsonschema
import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.emit import manifests, notes
from tarmak_iam.emit.kubernetes_objects import fits_client_side_apply
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.model import Identity
from tarmak_iam.identity.releases import DaemonVersion, known_releases
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.mappings_file import Mappings
from tests.support.installations import CONFIG, MAPPINGS, ON, installation

RICH = """\
# people
server:
  scrubbedAccounts: ["444455556666"]   # quiet
  mapRoles:
  # admins
  - roleARN: arn:aws:iam::111122223333:role/Admin
    username: yes
    groups: ["system:masters", no, 1.0]
  - roleARN: arn:aws:iam::111122223333:role/Node
    username: system:node:{{EC2PrivateDNSName}}
    groups: ["system:nodes", "system:bootstrappers"]
  - rolearn: arn:aws:iam::111122223333:role/admin
    username: "admin:{{SessionName}}"
    groups: a,b
  - roleARN: arn:aws:iam::111122223333:role/Nameless
  mapUsers:
  - userARN: arn:aws:iam::111122223333:user/team/Alice
    username: 'x: "y" # {{AccountID}}'
    groups: ["- a", "---", "$(X)", "%", "é"]
  - userARN: arn:aws:sts::111122223333:federated-user/Bob
    username: bob
"""
ACCOUNTS = '  mapAccounts: ["444455556666", "012345678901"]\n'
SSO = """\
  - sso: {permissionSetName: Dev, accountID: "111122223333"}
    username: dev
    groups: [dev]
"""
WITH_SSO = RICH.replace("  mapUsers:\n", f"{SSO}  mapUsers:\n")
BACKENDS = [
    list(chosen)
    for count in (1, 2, 3)
    for chosen in itertools.permutations(("MountedFile", "EKSConfigMap", "CRD"), count)
]
CALLERS = [
    Identity(f"arn:aws:sts::111122223333:assumed-role/{role}/s@x", "111122223333", "AROA:s@x")
    for role in ("Admin", "Node", "Nameless", "AWSReservedSSO_Dev_0123456789abcdef", "Other")
] + [
    Identity(
        "arn:aws:sts::111122223333:assumed-role/Node/i-0123456789abcdef0", "111122223333", "AROA:i-0123456789abcdef0"
    ),
    Identity("arn:aws:iam::111122223333:user/team/Alice", "111122223333", "AIDA"),
    Identity("arn:aws:iam::111122223333:user/Alice", "111122223333", "AIDA"),
    Identity("arn:aws:sts::111122223333:federated-user/Bob", "111122223333", "111122223333:Bob"),
    Identity("arn:aws:iam::444455556666:user/any", "444455556666", "AIDA"),
    Identity("arn:aws:iam::012345678901:root", "012345678901", "012345678901"),
    Identity("arn:aws:iam::999922223333:user/any", "999922223333", "AIDA"),
]
NAMES = {"i-0123456789abcdef0": "ip-10-0-0-1.ec2.internal"}


def answers(config: str, version: str, args: Iterable[str], files: dict[str, str]) -> list[Any]:
    daemon = Authenticator.load(config, version=version, args=args, files=files, private_dns_names=NAMES)
    assert daemon.failure is None, daemon.failure
    found = [daemon.whois(caller) for caller in CALLERS]
    return [(each.authenticated, each.username, each.groups, each.uid, each.extra) for each in found]


def read_back(objects: list[Manifest], version: str) -> tuple[str, str, list[str], dict[str, str]]:
    """Configuration, release, flags and objects of the cluster, as JSON for speed."""
    named = {(each["kind"], each["metadata"]["name"]): each for each in objects}
    (container,) = named["DaemonSet", "aws-iam-authenticator"]["spec"]["template"]["spec"]["containers"]
    config = named["ConfigMap", "aws-iam-authenticator"]["data"]["config.yaml"]
    return config, version, container["args"], {"objects.json": json.dumps({"kind": "List", "items": objects})}


ARNS_ONLY = f"clusterID: dev-cluster\n{RICH}"
FULL, FULL_WITH_SSO = (f"clusterID: dev-cluster\n{text}{ACCOUNTS}" for text in (RICH, WITH_SSO))
PARSED = {text: Mappings.parse(text) for text in (ARNS_ONLY, FULL, FULL_WITH_SSO)}
TARMAK = TarmakConfig.parse(CONFIG.format(api_server=ON, location="eu-west-1"))


def made_of(text: str, version: DaemonVersion, backends: list[str]) -> Installation:
    """Without reading the same files again and again."""
    settings: dict[str, Any] = {"daemonVersion": str(version), "backends": backends}
    if version.has_gate("SSORoleMatch"):
        settings["featureGates"] = {"SSORoleMatch": True}
    return Installation.of(TARMAK, TARMAK.current_cluster, PARSED[text], None, settings)


@pytest.mark.sample(8)
@pytest.mark.parametrize(("number", "version"), [*enumerate(known_releases())], ids=str)
def test_every_release_and_backend_gives_what_the_file_says_or_is_refused(number: int, version: DaemonVersion) -> None:
    """Each has every third choice, the next one others; the newest has all. Objects alone carry only ARNs."""
    full = FULL_WITH_SSO if version.has_gate("SSORoleMatch") else FULL
    choices = BACKENDS if version == known_releases()[-1] else BACKENDS[number % 3 :: 3]
    for text, backends in (*((full, each) for each in choices), (ARNS_ONLY, ["CRD"])):
        itself = answers(text, str(version), made_of(text, version, ["MountedFile"]).daemon.args, {})
        reason = refused(text, version, backends)
        if reason:
            with pytest.raises(ConfigError, match=reason):
                manifests(made_of(text, version, backends))
        else:
            assert answers(*read_back(manifests(made_of(text, version, backends)), str(version))) == itself, backends


def refused(text: str, version: DaemonVersion, backends: list[str]) -> str:
    """The reason; empty where there is none."""
    if version == DaemonVersion(0, 4, 0) and backends != ["MountedFile"]:
        return "authenticator v0.4.0 does not support backends: it reads only its file"
    is_more = backends == ["CRD"] and text != ARNS_ONLY
    return "the backend CRD does not support (accounts|SSO entries)" if is_more else ""


@pytest.mark.parametrize(("version", "names"), [("1.10.13", None), ("1.11.0", ["aws-auth"]), ("1.12.0", ["aws-auth"])])
def test_a_watch_of_one_object_is_authorized_as_one_from_1_11_on(version: str, names: list[str] | None) -> None:
    made = manifests(installation(backends=["EKSConfigMap"], kubernetesVersion=version))
    (watch,) = next(each["rules"] for each in made if each["kind"] == "ClusterRole")
    assert watch.get("resourceNames") == names


@pytest.mark.parametrize("version", ["1.11.0", "1.12.0", "1.15.9", "1.16.0", "1.37.0"])
def test_the_custom_resources_fit_their_definition(version: str) -> None:
    definition, *others = manifests(installation(mappings=RICH, backends=["CRD"], kubernetesVersion=version))
    spec, is_beta = definition["spec"], version in ("1.11.0", "1.12.0", "1.15.9")
    assert definition["apiVersion"] == f"apiextensions.k8s.io/{'v1beta1' if is_beta else 'v1'}"
    # The API server drops the default, and whoever applies it again would find it missing.
    assert "preserveUnknownFields" not in spec
    served = spec if is_beta else spec["versions"][0]
    assert served["subresources"] == {"status": {}}
    schema = (served["validation"] if is_beta else served["schema"])["openAPIV3Schema"]
    # All that 1.11 takes at the root beside a status.
    assert version != "1.11.0" or set(schema) <= {"properties", "required", "description"}
    assert version == "1.11.0" or schema["type"] == "object"
    resources = [each for each in others if each["kind"] == "IAMIdentityMapping"]
    assert len(resources) == 5
    for each in resources:
        jsonschema.validate(each, closed(schema))
        # What the daemon writes back (UpdateStatus).
        written = {**each, "status": {"canonicalARN": each["spec"]["arn"].lower(), "userID": ""}}
        jsonschema.validate(written, closed(schema))
        assert each["apiVersion"] == "iamauthenticator.k8s.aws/v1alpha1"


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """What is not in the schema would be pruned."""
    made = {key: closed(value) if isinstance(value, dict) else value for key, value in schema.items()}
    free = "properties" in schema and isinstance(schema["properties"], dict) and "type" not in schema["properties"]
    return {**made, "additionalProperties": False} if free else made


def test_what_should_be_known() -> None:
    with pytest.raises(ConfigError, match=r"the backend CRD requires Kubernetes 1.11, but dev-cluster has 1.10.3"):
        manifests(installation(backends=["CRD"], kubernetesVersion="1.10.3"))
    assert notes(installation()) == ()
    assert notes(installation(backends=["EKSConfigMap"])) == ()
    first, second = notes(installation(backends=["CRD"]))
    assert first == (
        "`kubectl apply` accepts the IAMIdentityMapping objects only after their CustomResourceDefinition exists: "
        "if it is new, apply it first, or use `tarmak-iam apply`, which waits for it"
    )
    assert second.endswith("until you delete it: kubectl delete iamidentitymappings NAME")


@pytest.mark.parametrize(("version", "also"), [("1.15.12", ""), ("1.16.0", " or `kubectl apply --server-side`")])
def test_a_config_map_that_kubectl_cannot_apply_is_named(version: str, also: str) -> None:
    large = MAPPINGS.replace("username: admin", f"username: {'a' * 262144}")
    assert large != MAPPINGS
    (note,) = notes(installation(mappings=large, kubernetesVersion=version))
    assert note == (
        "ConfigMap kube-system/aws-iam-authenticator is too large for `kubectl apply`, which stores a copy of it in an "
        f"annotation of at most 262,144 bytes: use `tarmak-iam apply`{also}"
    )
    (note,) = notes(installation(mappings=large, backends=["EKSConfigMap"], kubernetesVersion=version))
    assert note.startswith("ConfigMap kube-system/aws-auth is too large")


# Measured with kubectl 1.30: so many of a character are accepted, and one more is refused.
@pytest.mark.parametrize(
    ("character", "most"),
    [("a", 261945), ("<", 43657), ("\u2028", 43657), ("\x01", 43657), ("\n", 130972), ("é", 130972), ("😀", 65486)],
)
def test_what_fits_beside_a_copy_of_it(character: str, most: int) -> None:
    def config_map(count: int, annotations: dict[str, str] | None = None) -> dict[str, Any]:
        metadata: dict[str, Any] = {"name": "x", "namespace": "kube-system", "labels": {"a": "b"}}
        if annotations:
            metadata["annotations"] = annotations
        data = {"config.yaml": character * count}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    assert fits_client_side_apply(config_map(most))
    assert not fits_client_side_apply(config_map(most + 1))
    assert not fits_client_side_apply(config_map(most, {"a": "123456789"}))


def test_pods_roll_only_for_what_the_daemon_reads_at_its_start() -> None:
    def checksum(text: str, backend: str) -> str:
        made = manifests(installation(mappings=text, backends=[backend]))
        return str(made[-1]["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    more = RICH.replace("username: bob", "username: robert")
    assert checksum(RICH, "EKSConfigMap") == checksum(more, "EKSConfigMap")
    assert checksum(RICH, "MountedFile") != checksum(more, "MountedFile")
