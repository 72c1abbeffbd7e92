"""Whatever a text holds, it comes out as the same value in every artifact or is refused: never as another key, flag
or line."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from functools import cache
from io import StringIO
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.api_server import WEBHOOK_FLAG
from tarmak_iam.document import Document, EditRefused
from tarmak_iam.emit import manifests, render
from tarmak_iam.emit.directory import DirectoryRecord
from tarmak_iam.emit.emitters import webhook_args, webhook_hieradata
from tarmak_iam.emit.kubeconfig import client_kubeconfig
from tarmak_iam.errors import ConfigError, TarmakIamError
from tarmak_iam.installation.admin_kubeconfig import AdminKubeconfig, parse_admin_kubeconfig
from tarmak_iam.installation.cluster_files import is_cluster_id
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.mappings_file import Mappings
from tests.emit.awkward import TEXTS, texts
from tests.support.installations import ADMIN, CA, MAPPINGS

PLAIN = {
    "environment": "dev",
    "name": "cluster",
    "location": "eu-west-1",
    "zone": "k8s.example.com",
    "webhook": "/etc/kubernetes/webhook.yaml",
    "profile": "work",
    "role": "arn:aws:iam::111122223333:role/team/Admin",
    "image": "example.org/authenticator:v0.7.9",
    "daemonVersion": "v0.7.9",
    "kubernetesVersion": "1.12.9",
    "gate": "SSORoleMatch",
}
TARMAK = ("environment", "name", "location", "zone", "webhook")
SETTINGS = ("profile", "role", "image", "daemonVersion", "kubernetesVersion", "gate")


def tarmak(given: Mapping[str, str], *, init: bool = False) -> TarmakConfig:
    """A configuration in JSON, whose texts hold whatever there is to hold."""
    of = {**PLAIN, **given}
    api_server = {"public": True, "authTokenWebhookFile": of["webhook"], "amazon": {"awsIAMAuthenticatorInit": init}}
    content = {
        "apiVersion": "api.tarmak.io/v1alpha1",
        "kind": "Config",
        "clusters": [
            {
                "environment": of["environment"],
                "metadata": {"name": of["name"]},
                "kubernetes": {"apiServer": api_server},
            }
        ],
        "environments": [{"metadata": {"name": of["environment"]}, "location": of["location"], "provider": "aws"}],
        "providers": [{"metadata": {"name": "aws"}, "amazon": {"publicZone": of["zone"]}}],
    }
    return TarmakConfig.parse(json.dumps(content))


def installation(
    given: Mapping[str, str] | None = None,
    *,
    mappings: str = MAPPINGS,
    admin: AdminKubeconfig = ADMIN,
    init: bool = False,
) -> Installation:
    config = tarmak(given or {}, init=init)
    of = {**PLAIN, **(given or {})}
    settings: dict[str, Any] = {key: of[key] for key in SETTINGS if key != "gate"}
    settings["featureGates"] = {of["gate"]: True}
    parsed = Mappings.parse(mappings.replace("clusterID: dev-cluster", ""))
    return Installation.of(config, config.clusters[0], parsed, None, settings, admin=admin)


@cache
def yaml_of(data: bytes) -> Any:
    """As our own reader and a second one take it; most artifacts are the same from one example to the next."""
    plain = Document.parse(data).data
    assert next(iter(YAML(typ="safe", pure=True).load_all(StringIO(data.decode())))) == plain
    return plain


def shape(value: Any) -> Any:
    """Keys and lengths, without the values."""
    if isinstance(value, dict):
        return {key: shape(child) for key, child in value.items()}
    return [shape(child) for child in value] if isinstance(value, list) else type(value)


def expanded(text: str) -> str:
    """A container's argument or variable as Kubernetes takes it: `$(NAME)` is a reference and `$$` a dollar."""
    return re.sub(r"\$\$|\$\((.*?)\)", lambda found: "$" if found.group() == "$$" else "(expanded)", text)


BASELINE = {artifact.name: artifact for artifact in render(installation())[0]}


def check(made: Installation) -> dict[str, Any]:
    """Of artifacts that are made: the values of each are what they should be, and there is nothing beside them."""
    artifacts = {artifact.name: artifact for artifact in render(made)[0]}
    assert list(artifacts) == list(BASELINE)
    objects = {f"{each['kind'].lower()}.yaml": each for each in manifests(made)}
    read: dict[str, Any] = {}
    for name, artifact in artifacts.items():
        assert artifact.mode == BASELINE[name].mode
        if name != "flags.txt":
            read[name] = yaml_of(artifact.data)
            assert shape(read[name]) == shape(yaml_of(BASELINE[name].data))
    assert {name: read[name] for name in objects} == objects
    assert read["kubeconfig"] == client_kubeconfig(made)
    assert read["kustomization.yaml"]["resources"] == list(objects)
    check_flags(made, artifacts["flags.txt"].data.decode())
    (container,) = read["daemonset.yaml"]["spec"]["template"]["spec"]["containers"]
    for text in (*container["args"], *(each["value"] for each in container["env"])):
        assert expanded(text) == text
    record = DirectoryRecord(made.cluster_id)
    assert DirectoryRecord.parse(record.to_bytes()) == record
    return read


def check_flags(made: Installation, flags: str) -> None:
    assert flags == f"--{WEBHOOK_FLAG}={made.webhook_file}\n"
    assert len(flags.splitlines()) == 1
    lines = webhook_hieradata(made)
    expected: dict[str, Any] = {"kubernetes::apiserver::auth_token_webhook_file": made.webhook_file}
    if made.cluster.authenticator_init:
        expected["kubernetes::apiserver::aws_iam_authenticator_init"] = True
    assert yaml_of("".join(f"{line}\n" for line in lines).encode()) == expected


def checked(made: Any) -> dict[str, Any] | None:
    """What `check` gives; None for what is refused, in words."""
    try:
        return check(made())
    except TarmakIamError as error:
        if len(str(error).splitlines()) > 1:
            raise AssertionError(f"{error} has several lines") from error
        return None


def test_plain_values_are_taken() -> None:
    read = check(installation())
    assert read["kubeconfig"]["clusters"][0]["cluster"]["server"] == "https://api.dev-cluster.k8s.example.com"
    assert checked(lambda: installation({"webhook": "/etc/kubernetes/x.yaml"}, init=True))


@given(st.sampled_from(TARMAK), texts(), st.booleans())
@example("location", "$(AWS_PROFILE)", False)
@example("location", "eu-west-1\n", False)
@example("zone", "example.com/x?#", False)
@example("zone", "example.com:443@evil.example.org", False)
@example("environment", "dev\n", False)
@example("name", "-", False)
@example("webhook", "/etc/x --anonymous-auth=true", True)
def test_tarmak_yaml(key: str, text: str, init: bool) -> None:
    text = f"/{text}" if key == "webhook" else text
    read = checked(lambda: installation({key: text}, init=init))
    if read is None:
        return
    cluster = read["kubeconfig"]["clusters"][0]
    of = PLAIN | {key: text}
    cluster_id = f"{of['environment']}-{of['name']}"
    assert cluster["name"] == cluster_id
    zone = f".{of['zone']}" if of["zone"] else None
    assert cluster["cluster"]["server"] == (f"https://api.{cluster_id}{zone}" if zone else ADMIN.server)
    (container,) = read["daemonset.yaml"]["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "AWS_REGION", "value": of["location"]}]
    assert Document.parse(read["configmap.yaml"]["data"]["config.yaml"]).data["clusterID"] == cluster_id


@given(st.sampled_from(SETTINGS), texts())
@example("gate", "SSORoleMatch=true,Other")
@example("gate", "SSORoleMatch --x")
@example("profile", " $(x) ")
@example("profile", "\udcff")
@example("role", "arn:aws:iam::111122223333:role/\udcff")
@example("image", "\udcff")
@example("image", "x:v0.6.20\n")
@example("daemonVersion", "v0.6.20\n- x")
def test_settings(key: str, text: str) -> None:
    for given_text in (text, f"arn:aws:iam::111122223333:role/{text}") if key == "role" else (text,):
        if key in ("role", "profile") and not given_text:
            continue  # none at all: tests/cli/commands/test_kubeconfig.py
        read = checked(lambda given_text=given_text: installation({key: given_text}))
        if read is None:
            continue
        of = PLAIN | {key: given_text}
        command = read["kubeconfig"]["users"][0]["user"]["exec"]
        assert command["args"] == ["token", "-i", "dev-cluster", "-r", of["role"]]
        assert command["env"] == [{"name": "AWS_PROFILE", "value": of["profile"]}]
        (container,) = read["daemonset.yaml"]["spec"]["template"]["spec"]["containers"]
        assert container["image"] == of["image"]
        assert f"--feature-gates={of['gate']}=true" in container["args"]


@given(texts(), texts(), texts())
def test_mappings(arn: str, username: str, group: str) -> None:
    """What the daemon reads in the ConfigMap is what stands in the file, whatever that is."""
    document = Document.parse(MAPPINGS)
    with contextlib.suppress(EditRefused):
        entry = ("server", "mapRoles", 0)
        document = document.set((*entry, "roleARN"), f"arn:aws:iam::111122223333:role/{arn}")
        document = document.set((*entry, "username"), username).set((*entry, "groups"), [group, "x"])
    read = checked(lambda: installation(mappings=document.text))
    if read is not None:
        assert yaml_of(read["configmap.yaml"]["data"]["config.yaml"].encode()) == document.data


@given(texts())
def test_mappings_with_an_awkward_comment(text: str) -> None:
    """The file is taken over as text, comments and all."""
    lines = MAPPINGS.replace("# people", f"# {text}")
    try:
        document = Document.parse(lines)
        made = installation(mappings=lines)
    except TarmakIamError:
        return
    read = checked(lambda: made)
    if read is not None:
        config = yaml_of(read["configmap.yaml"]["data"]["config.yaml"].encode())
        assert config == {"clusterID": "dev-cluster"} | (document.data or {})


@given(texts(), texts())
@example("\ud800", CA)
def test_tarmaks_own_kubeconfig(server: str, ca: str) -> None:
    for ca_data in (CA, ca):
        cluster = {"server": f"https://{server}", "certificate-authority-data": ca_data}
        text = json.dumps({"clusters": [{"name": "x", "cluster": cluster}]})
        try:
            admin = parse_admin_kubeconfig(text)
        except TarmakIamError:
            continue
        read = checked(lambda admin=admin: installation({"zone": ""}, admin=admin))
        if read is not None:
            whole = server.replace("\ud800", "\ufffd")  # half a pair, which JSON can write and Go reads so
            assert read["kubeconfig"]["clusters"][0]["cluster"]["server"] == f"https://{whole}"


@pytest.mark.parametrize("text", [text for text in TEXTS if not is_cluster_id(f"dev-{text}")])
def test_a_cluster_id_is_refused_by_every_emitter(text: str) -> None:
    made = installation({"name": text})
    for emit in (manifests, render, client_kubeconfig):
        with pytest.raises(ConfigError, match="is not a valid cluster ID"):
            emit(made)


def test_what_is_refused_is_told_with_its_position() -> None:
    def refusal(**given: str) -> str:
        with pytest.raises(ConfigError) as error:
            render(installation(given))
        return str(error.value)

    assert ": the region of dev-cluster is '$(x)', which is not the name of a region; set loc" in refusal(
        location="$(x)"
    )
    assert ": the public address of dev-cluster would be 'https://api.dev-cluster.a/b', which is not a valid URL; " in (
        refusal(zone="a/b")
    )
    text = json.dumps(json.loads(tarmak({}).document.text), indent=1).replace("k8s.example.com", "a b")
    config = TarmakConfig.parse(text)
    made = Installation.of(config, config.clusters[0], Mappings.parse(MAPPINGS), admin=ADMIN)
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "a b" in line)
    with pytest.raises(ConfigError, match=f"^tarmak.yaml:{line}:19: the public address"):
        client_kubeconfig(made)
    assert webhook_args(made)
