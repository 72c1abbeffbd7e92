"""What the API server itself makes of rights that lead to more, or only look like it: real requests of somebody who has
just these rights. `report` says the same of them, and `map` and `apply` object to the loss of what makes a node one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tarmak_iam.access.lockout import losses
from tarmak_iam.document import Document
from tarmak_iam.installation.installation import Installation
from tarmak_iam.report.escalations import ClusterFacts
from tarmak_iam.report.rbac import Rbac, privilege_of
from tests.e2e import components
from tests.e2e.access_reviews import Api, Caller, Request, granting, rule
from tests.e2e.conftest import Stage
from tests.support.reviews import installation

RBAC = "rbac.authorization.k8s.io"
CERTIFICATES = "certificates.k8s.io"
ADMISSION = "admissionregistration.k8s.io"
SECRETS = "/api/v1/namespaces/team/secrets"
ROLES = f"/apis/{RBAC}/v1"
NUMBERS = count()
PATCH = "application/merge-patch+json"
CASES = Document.parse(Path(__file__).with_name("escalations.yaml").read_bytes()).data

Rule = dict[str, Any]


def rules_of(case: dict[str, Any]) -> tuple[Rule, ...]:
    return tuple(rule(**each) for each in case["rules"])


class Asked(NamedTuple):
    """A request, in whose path and body `{me}` is the caller's name."""

    method: str
    path: str
    body: Any = None
    media: str = "application/json"


@pytest.fixture(scope="module", params=[components.KUBERNETES, components.TARMAKS_KUBERNETES])
def cluster(request: pytest.FixtureRequest, stages: Callable[[str], Stage]) -> Stage:
    return stages(request.param)


@pytest.fixture(scope="module")
def api(cluster: Stage) -> Iterator[Api]:
    with Api.of(cluster.plane) as api:
        for name in ("team", "other"):
            _make(api, "/api/v1/namespaces", {"metadata": {"name": name}})
        _make(api, SECRETS, {"metadata": {"name": "tls"}, "stringData": {"key": "top secret"}})
        _make(api, f"{ROLES}/namespaces/team/roles", {"metadata": {"name": "empty"}, "rules": []})
        yield api


def _make(api: Api, path: str, body: Any) -> None:
    status, answer = api.call("POST", path, body)
    assert status in (201, 409), answer


@pytest.fixture
def facts(cluster: Stage) -> ClusterFacts:
    return ClusterFacts(has_signers=cluster.plane.is_server_side)


def granted(api: Api, rules: tuple[Rule, ...], namespace: str, facts: ClusterFacts) -> tuple[str, str]:
    """A new user who has them, and what a review says of it."""
    name = f"user-{next(NUMBERS)}"
    objects = granting(name, *rules, namespace=namespace)
    api.create(objects)
    return name, str(privilege_of(name, (), Rbac(objects, facts).rights_of(name, ()))[0])


def answered(api: Api, name: str, asked: Asked) -> tuple[int, Any]:
    """As that user, whom the admin impersonates."""
    headers = {"Impersonate-User": name, "Impersonate-Group": "system:authenticated", "Content-Type": asked.media}
    body = json.loads(json.dumps(asked.body).replace("{me}", name))
    return api.call(asked.method, asked.path.replace("{me}", name), body, headers)


@pytest.mark.parametrize("name", CASES["requests"])
def test_what_the_api_server_lets_through(api: Api, facts: ClusterFacts, name: str) -> None:
    case = CASES["requests"][name]
    user, said = granted(api, rules_of(case), case.get("namespace", ""), facts)
    asked = Asked(case["method"], case["path"], case.get("body"), case.get("media", Asked("", "").media))
    status, answer = answered(api, user, asked)
    assert (status != 403, said) == (case["reached"], case["privilege"]), answer


READING = {
    "get": Asked("GET", f"{SECRETS}/tls"),
    "list": Asked("GET", f"{SECRETS}?fieldSelector=metadata.name%3Dtls"),
    "patch": Asked("PATCH", f"{SECRETS}/tls?dryRun=All", {}, PATCH),
    "delete": Asked("DELETE", f"{SECRETS}/tls?dryRun=All&propagationPolicy=Foreground"),
    "deletecollection": Asked("DELETE", f"{SECRETS}?dryRun=All"),
    "update": Asked("PUT", f"{SECRETS}/tls?dryRun=All", {"metadata": {"name": "tls"}}),
    "create": Asked("POST", f"{SECRETS}?dryRun=All", {"metadata": {"name": "{me}"}}),
}


@pytest.mark.parametrize("verb", READING)
def test_which_verbs_read_a_secret(api: Api, facts: ClusterFacts, verb: str) -> None:
    for names in ("", "tls"):
        name, said = granted(api, (rule(verb, "secrets", names=names),), "team", facts)
        _, answer = answered(api, name, READING[verb])
        is_read = base64.b64encode(b"top secret").decode() in json.dumps(answer)
        # Two of these are asked without a name, whatever the rule has.
        assert is_read == (verb not in ("update", "create") and (not names or verb != "deletecollection"))
        assert said == ("elevated" if is_read else "none")


@pytest.mark.parametrize("case", CASES["signers"])
def test_who_approves_certificates(api: Api, cluster: Stage, facts: ClusterFacts, case: str) -> None:
    """Before Kubernetes 1.18 there were no signers."""
    rules = rules_of(CASES["signers"][case])
    is_enough = CASES["signers"][case]["enough"] or not cluster.plane.is_server_side
    name, said = granted(api, rules, "", facts)
    request = _requested(api, name, "v1" if cluster.plane.is_server_side else "v1beta1")
    condition = {"type": "Approved", "status": "True", "reason": "test", "message": "test"}
    approved = {**request, "status": {"conditions": [condition]}}
    path = f"/apis/{CERTIFICATES}/{request['apiVersion'].partition('/')[2]}/certificatesigningrequests/{name}/approval"
    status, answer = answered(api, name, Asked("PUT", path, approved))
    assert (status, said) == ((200, "elevated") if is_enough else (403, "none")), answer
    in_a_namespace = granting(name, *rules, namespace="team")
    assert str(privilege_of(name, (), Rbac(in_a_namespace, facts).rights_of(name, ()))[0]) == "none"


def _requested(api: Api, name: str, version: str) -> dict[str, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bob")])
    signed = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    text = base64.b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode()
    signer = {"signerName": "kubernetes.io/kube-apiserver-client"} if version == "v1" else {}
    body = {"metadata": {"name": name}, "spec": {"request": text, "usages": ["client auth"], **signer}}
    status, made = api.call("POST", f"/apis/{CERTIFICATES}/{version}/certificatesigningrequests", body)
    assert status == 201, made
    return dict(made)


@pytest.mark.parametrize("kind", ["mutating", "validating"])
def test_who_writes_webhooks(api: Api, cluster: Stage, facts: ClusterFacts, kind: str) -> None:
    resource, version = f"{kind}webhookconfigurations", "v1" if cluster.plane.is_server_side else "v1beta1"
    asked = Asked("POST", f"/apis/{ADMISSION}/{version}/{resource}?dryRun=All", {"metadata": {"name": "{me}"}})
    for namespace, expected in (("", (201, "elevated")), ("team", (403, "none"))):
        name, said = granted(api, (rule("create", resource, ADMISSION),), namespace, facts)
        status, answer = answered(api, name, asked)
        assert (status, said) == expected, answer


def test_server_side_apply_creates_what_is_named(api: Api, cluster: Stage, facts: ClusterFacts) -> None:
    """By a right to create that names it, as a POST does not; there has to be one to patch it too, which counts."""
    if not cluster.plane.is_server_side:
        pytest.skip("it came with Kubernetes 1.16")
    path = "/api/v1/namespaces/kube-system/configmaps/aws-auth?fieldManager=test&dryRun=All"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth"}}
    asked = Asked("PATCH", path, body, "application/apply-patch+yaml")
    found = {}
    for verbs in ("create", "patch", "create patch"):
        name, said = granted(api, (rule(verbs, "configmaps", names="aws-auth"),), "kube-system", facts)
        found[verbs] = (answered(api, name, asked)[0], said)
    assert found == {"create": (403, "none"), "patch": (403, "admin"), "create patch": (201, "admin")}


@pytest.mark.parametrize("case", CASES["impersonation"])
def test_who_impersonates_whom(api: Api, cluster: Stage, facts: ClusterFacts, case: str) -> None:
    """As a service account, since the admin may act as anybody."""
    known = CASES["impersonation"][case]
    namespace = known.get("namespace", "")
    name, said = granted(api, rules_of(known), namespace, facts)
    _make(api, "/api/v1/namespaces/kube-system/serviceaccounts", {"metadata": {"name": name}})
    subject = {"kind": "ServiceAccount", "namespace": "kube-system", "name": name}
    api.create(granting(f"{name}-account", *rules_of(known), namespace=namespace, subject=subject))
    token = cluster.plane.service_account_token(name)
    with Api.of(cluster.plane, is_admin=False) as other:
        headers = {"Authorization": f"Bearer {token}", **known["headers"]}
        _, answer = other.call("GET", "/api/v1/nodes", None, headers)
    is_refused = "cannot impersonate" in json.dumps(answer)
    assert (not is_refused, said) == (known["reached"], known["privilege"]), answer


def test_a_service_account_without_a_namespace(api: Api) -> None:
    """In a RoleBinding it is of the binding's own; a ClusterRoleBinding with one is not valid."""
    name = f"user-{next(NUMBERS)}"
    subject = {"kind": "ServiceAccount", "name": name}
    objects = granting(name, rule("get", "secrets"), namespace="team", subject=subject)
    api.create(objects)
    for namespace, status, privilege in (("team", 200, "elevated"), ("other", 403, "none")):
        user = f"system:serviceaccount:{namespace}:{name}"
        assert answered(api, user, Asked("GET", f"{SECRETS}/tls"))[0] == status
        assert str(privilege_of(user, (), Rbac(objects).rights_of(user, ()))[0]) == privilege
    bound = {**objects[1], "kind": "ClusterRoleBinding", "metadata": {"name": name}}
    status, answer = api.call("POST", f"{ROLES}/clusterrolebindings", bound)
    assert (status, "subjects[0].namespace" in json.dumps(answer)) == (422, True)


NODE_ROLE = "arn:aws:iam::111122223333:role/Node"


def mapped(username: str, groups: tuple[str, ...]) -> Installation:
    entry = f"{{roleARN: '{NODE_ROLE}', username: '{username}', groups: {[*groups]}}}"
    return installation(f"clusterID: dev-cluster\nserver:\n  mapRoles:\n  - {entry}\n")


def test_a_node_needs_both_its_name_and_its_group(api: Api) -> None:
    """It reads and registers its node, and follows the Services, or may do none of that."""
    requests = (Request("get", "nodes", name="n1"), Request("create", "nodes"), Request("list", "services"))
    for username, groups, is_node in (
        ("system:node:n1", ("system:nodes",), True),
        ("system:node:n1", ("system:bootstrappers", "system:nodes"), True),
        ("system:node:n1", (), False),
        ("system:node:n1", ("system:bootstrappers",), False),
        ("kubelet", ("system:nodes",), False),
        ("system:nodes", ("system:nodes",), False),
    ):
        caller = Caller(username, (*groups, "system:authenticated"))
        assert api.allowed([(caller, each) for each in requests]) == [is_node] * 3, caller
        lost = losses(mapped(username, groups), mapped("nobody", ()))
        assert lost == ((f"the nodes of {NODE_ROLE} could no longer join",) if is_node else ()), caller
