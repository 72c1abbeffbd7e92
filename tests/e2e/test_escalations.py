"""What the API server itself makes of rights that lead to more, or only look like it: real requests of somebody who has
just these rights. `report` says the same of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tarmak_iam.report.escalations import ClusterFacts
from tarmak_iam.report.rbac import Rbac, privilege_of
from tests.e2e import components
from tests.e2e.access_reviews import Api
from tests.e2e.conftest import Stage

RBAC = "rbac.authorization.k8s.io"
CERTIFICATES = "certificates.k8s.io"
ADMISSION = "admissionregistration.k8s.io"
SECRETS = "/api/v1/namespaces/team/secrets"
ROLES = f"/apis/{RBAC}/v1"
EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
NUMBERS = count()

Rule = dict[str, Any]


def rule(verbs: str, resources: str, group: str = "", names: str = "") -> Rule:
    """Of texts with spaces between."""
    made: Rule = {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
    return {**made, "resourceNames": names.split()} if names else made


@dataclass(frozen=True)
class Asked:
    """A request, in whose path and body `{me}` is the caller's name."""

    method: str
    path: str
    body: Any = None
    media: str = "application/json"


PATCH = "application/merge-patch+json"
CREATE_ROLE = Asked("POST", f"{ROLES}/clusterroles", {"metadata": {"name": "{me}-all"}, "rules": [EVERYTHING]})
PATCH_ROLE = Asked("PATCH", f"{ROLES}/namespaces/team/roles/empty?dryRun=All", {"rules": [EVERYTHING]}, PATCH)
_BINDING = {
    "metadata": {"name": "{me}-all"},
    "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "{me}"}],
}
BIND = Asked("POST", f"{ROLES}/namespaces/team/rolebindings", _BINDING)
BIND_EVERYWHERE = Asked("POST", f"{ROLES}/clusterrolebindings", _BINDING)
KUBELET = Asked("GET", "/api/v1/nodes/n1/proxy/pods")
VOLUME = Asked("POST", "/api/v1/persistentvolumes", {"metadata": {"name": "{me}"}})
LABEL = Asked("PATCH", "/api/v1/namespaces/team?dryRun=All", {"metadata": {"labels": {"a": "b"}}}, PATCH)
LABEL_ANOTHER = Asked("PATCH", "/api/v1/namespaces/other?dryRun=All", {"metadata": {"labels": {"a": "b"}}}, PATCH)
READ_ALL = Asked("GET", "/apis/apps/v1/deployments")

# Rules, the namespace of the RoleBinding (or none), what is asked for, whether it is reached, the privilege.
CASES: dict[str, tuple[tuple[Rule, ...], str, Asked, bool, str]] = {
    "nodes/proxy": ((rule("get", "nodes/proxy"),), "", KUBELET, True, "elevated"),
    "nodes/proxy of a RoleBinding": ((rule("get", "nodes/proxy"),), "team", KUBELET, False, "none"),
    "nodes/proxy by */proxy": ((rule("get", "*/proxy"),), "", KUBELET, True, "elevated"),
    "nodes/proxy by nodes/*": ((rule("get", "nodes/*"),), "", KUBELET, False, "none"),
    "nodes/proxy by * of the core group": ((rule("list get", "*"),), "", KUBELET, True, "admin"),
    "apps by * of the core group": ((rule("list", "*"),), "", READ_ALL, False, "elevated"),
    "create ClusterRoles": ((rule("create", "clusterroles", RBAC),), "", CREATE_ROLE, False, "none"),
    "escalate ClusterRoles": ((rule("create escalate", "clusterroles", RBAC),), "", CREATE_ROLE, True, "elevated"),
    "escalate ClusterRoles of a RoleBinding": (
        *((rule("create escalate", "clusterroles", RBAC),), "team"),
        *(CREATE_ROLE, False, "none"),
    ),
    "patch Roles": ((rule("patch", "roles", RBAC),), "team", PATCH_ROLE, False, "none"),
    "escalate Roles": ((rule("patch escalate", "roles", RBAC),), "team", PATCH_ROLE, True, "elevated"),
    "create RoleBindings": ((rule("create", "rolebindings", RBAC),), "team", BIND, False, "none"),
    "bind ClusterRoles of a RoleBinding": (
        *((rule("create", "rolebindings", RBAC), rule("bind", "clusterroles", RBAC)), "team"),
        *(BIND, True, "elevated"),
    ),
    "bind one ClusterRole": (
        *((rule("create", "rolebindings", RBAC), rule("bind", "clusterroles", RBAC, "cluster-admin")), "team"),
        *(BIND, True, "elevated"),
    ),
    "bind everywhere": (
        *((rule("create", "clusterrolebindings", RBAC), rule("bind", "clusterroles", RBAC)), ""),
        *(BIND_EVERYWHERE, True, "elevated"),
    ),
    "create PersistentVolumes": ((rule("create", "persistentvolumes"),), "", VOLUME, True, "elevated"),
    "create PersistentVolumes of a RoleBinding": (
        *((rule("create", "persistentvolumes"),), "team"),
        *(VOLUME, False, "none"),
    ),
    "patch the namespace of a RoleBinding": ((rule("patch", "namespaces"),), "team", LABEL, True, "elevated"),
    "patch another namespace": ((rule("patch", "namespaces"),), "team", LABEL_ANOTHER, False, "elevated"),
    "get on pods/exec": (
        *((rule("get", "pods/exec"),), "team"),
        *(Asked("GET", "/api/v1/namespaces/team/pods/p/exec?command=id"), True, "elevated"),
    ),
    "a token of one service account": (
        *((rule("create", "serviceaccounts/token", names="default"),), "team"),
        *(Asked("POST", "/api/v1/namespaces/team/serviceaccounts/default/token", {}), True, "elevated"),
    ),
    "create a ConfigMap of a name": (
        *((rule("create", "configmaps", names="aws-auth"),), "kube-system"),
        *(
            Asked("POST", "/api/v1/namespaces/kube-system/configmaps", {"metadata": {"name": "aws-auth"}}),
            False,
            "none",
        ),
    ),
}


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


def role(name: str, rules: tuple[Rule, ...]) -> dict[str, Any]:
    return {"kind": "ClusterRole", "metadata": {"name": name}, "rules": list(rules)}


def binding(name: str, namespace: str, subject: dict[str, str], suffix: str = "") -> dict[str, Any]:
    """To the role of that name."""
    return {
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": f"{name}{suffix}", **({"namespace": namespace} if namespace else {})},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
        "subjects": [subject],
    }


def granted(api: Api, rules: tuple[Rule, ...], namespace: str, facts: ClusterFacts) -> tuple[str, str]:
    """A new user who has them, and what a review says of it."""
    name = f"user-{next(NUMBERS)}"
    subject = {"apiGroup": RBAC, "kind": "User", "name": name}
    objects = [role(name, rules), binding(name, namespace, subject)]
    api.create(objects)
    return name, str(privilege_of(name, (), Rbac(objects, facts).rights_of(name, ()))[0])


def answered(api: Api, name: str, asked: Asked) -> tuple[int, Any]:
    """As that user, whom the admin impersonates."""
    headers = {"Impersonate-User": name, "Impersonate-Group": "system:authenticated", "Content-Type": asked.media}
    body = json.loads(json.dumps(asked.body).replace("{me}", name))
    return api.call(asked.method, asked.path.replace("{me}", name), body, headers)


@pytest.mark.parametrize("case", CASES)
def test_what_the_api_server_lets_through(api: Api, facts: ClusterFacts, case: str) -> None:
    rules, namespace, asked, is_reached, privilege = CASES[case]
    name, said = granted(api, rules, namespace, facts)
    status, answer = answered(api, name, asked)
    assert (status != 403, said) == (is_reached, privilege), answer


READING = {
    "get": Asked("GET", f"{SECRETS}/tls"),
    "list": Asked("GET", f"{SECRETS}?fieldSelector=metadata.name%3Dtls"),
    "patch": Asked("PATCH", f"{SECRETS}/tls?dryRun=All", {}, PATCH),
    "delete": Asked("DELETE", f"{SECRETS}/tls?dryRun=All&propagationPolicy=Foreground"),
    "deletecollection": Asked("DELETE", f"{SECRETS}?dryRun=All"),
    "update": Asked("PUT", f"{SECRETS}/tls?dryRun=All", {"metadata": {"name": "tls"}}),
    "create": Asked("POST", f"{SECRETS}?dryRun=All", {"metadata": {"name": "{me}"}}),
}


@pytest.mark.parametrize("names", ["", "tls"])
@pytest.mark.parametrize("verb", READING)
def test_which_verbs_read_a_secret(api: Api, facts: ClusterFacts, verb: str, names: str) -> None:
    name, said = granted(api, (rule(verb, "secrets", names=names),), "team", facts)
    _, answer = answered(api, name, READING[verb])
    is_read = base64.b64encode(b"top secret").decode() in json.dumps(answer)
    # Two of these are asked without a name, whatever the rule has.
    assert is_read == (verb not in ("update", "create") and (not names or verb != "deletecollection"))
    assert said == ("elevated" if is_read else "none")


APPROVE = rule("update", "certificatesigningrequests/approval", CERTIFICATES)
SIGNERS: dict[str, tuple[tuple[Rule, ...], bool]] = {
    "approval alone": ((APPROVE,), False),
    "any signer": ((APPROVE, rule("approve", "signers", CERTIFICATES)), True),
    "that signer": ((APPROVE, rule("approve", "signers", CERTIFICATES, "kubernetes.io/kube-apiserver-client")), True),
    "the domain": ((APPROVE, rule("approve", "signers", CERTIFICATES, "kubernetes.io/*")), True),
    "another signer": ((APPROVE, rule("approve", "signers", CERTIFICATES, "kubernetes.io/kubelet-serving")), False),
    "signers of another group": ((APPROVE, rule("approve", "signers")), False),
}


@pytest.mark.parametrize("case", SIGNERS)
def test_who_approves_certificates(api: Api, cluster: Stage, facts: ClusterFacts, case: str) -> None:
    """Before Kubernetes 1.18 there were no signers."""
    rules, is_enough = SIGNERS[case]
    is_enough = is_enough or not cluster.plane.is_server_side
    name, said = granted(api, rules, "", facts)
    request = _requested(api, name, "v1" if cluster.plane.is_server_side else "v1beta1")
    condition = {"type": "Approved", "status": "True", "reason": "test", "message": "test"}
    approved = {**request, "status": {"conditions": [condition]}}
    path = f"/apis/{CERTIFICATES}/{request['apiVersion'].partition('/')[2]}/certificatesigningrequests/{name}/approval"
    status, answer = answered(api, name, Asked("PUT", path, approved))
    assert (status, said) == ((200, "elevated") if is_enough else (403, "none")), answer
    in_a_namespace = [role(name, rules), binding(name, "team", {"kind": "User", "name": name})]
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
@pytest.mark.parametrize("namespace", ["", "team"])
def test_who_writes_webhooks(api: Api, cluster: Stage, facts: ClusterFacts, kind: str, namespace: str) -> None:
    resource = f"{kind}webhookconfigurations"
    name, said = granted(api, (rule("create", resource, ADMISSION),), namespace, facts)
    version = "v1" if cluster.plane.is_server_side else "v1beta1"
    asked = Asked("POST", f"/apis/{ADMISSION}/{version}/{resource}?dryRun=All", {"metadata": {"name": "{me}"}})
    status, answer = answered(api, name, asked)
    assert (status, said) == ((403, "none") if namespace else (201, "elevated")), answer


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


AS_BOB = {"Impersonate-User": "bob"}
AS_ADMIN = {**AS_BOB, "Impersonate-Group": "system:masters"}
AS_ACCOUNT = {"Impersonate-User": "system:serviceaccount:team:default"}
AS_ANOTHER = {"Impersonate-User": "system:serviceaccount:other:default"}
AS_SCOPED = {**AS_BOB, "Impersonate-Extra-Scopes": "all"}
AUTHENTICATION = "authentication.k8s.io"
USERS = rule("impersonate", "users")
IMPERSONATING: dict[str, tuple[tuple[Rule, ...], str, dict[str, str], bool, str]] = {
    "users": ((USERS,), "", AS_BOB, True, "elevated"),
    "users and groups": ((rule("impersonate", "users groups"),), "", AS_ADMIN, True, "elevated"),
    "groups by name": ((USERS, rule("impersonate", "groups", names="system:masters")), "", AS_ADMIN, True, "elevated"),
    "users alone, of groups": ((USERS,), "", AS_ADMIN, False, "elevated"),
    "of another API group": ((rule("impersonate", "users groups", AUTHENTICATION),), "", AS_ADMIN, False, "none"),
    "of every API group": ((rule("impersonate", "users groups", "*"),), "", AS_ADMIN, True, "elevated"),
    "in a RoleBinding": ((rule("impersonate", "users groups"),), "team", AS_ADMIN, False, "none"),
    "service accounts": ((rule("impersonate", "serviceaccounts"),), "", AS_ANOTHER, True, "elevated"),
    "its service accounts": ((rule("impersonate", "serviceaccounts"),), "team", AS_ACCOUNT, True, "elevated"),
    "others' service accounts": ((rule("impersonate", "serviceaccounts"),), "team", AS_ANOTHER, False, "elevated"),
    "service accounts by users": ((USERS,), "", AS_ACCOUNT, False, "elevated"),
    "bare userextras": ((rule("impersonate", "userextras", AUTHENTICATION),), "", AS_SCOPED, False, "none"),
    "userextras and users": (
        *((USERS, rule("impersonate", "userextras/scopes", AUTHENTICATION)), ""),
        *(AS_SCOPED, True, "elevated"),
    ),
    "userextras of the core group": ((rule("impersonate", "userextras/scopes"),), "", AS_SCOPED, False, "none"),
    "uids": ((rule("impersonate", "uids", AUTHENTICATION),), "", {**AS_BOB, "Impersonate-Uid": "1"}, False, "none"),
}


@pytest.mark.parametrize("case", IMPERSONATING)
def test_who_impersonates_whom(api: Api, cluster: Stage, facts: ClusterFacts, case: str) -> None:
    """As a service account, since the admin may act as anybody."""
    rules, namespace, headers, is_reached, privilege = IMPERSONATING[case]
    name, said = granted(api, rules, namespace, facts)
    _make(api, "/api/v1/namespaces/kube-system/serviceaccounts", {"metadata": {"name": name}})
    subject = {"kind": "ServiceAccount", "namespace": "kube-system", "name": name}
    api.create([binding(name, namespace, subject, suffix="-account")])
    token = cluster.plane.service_account_token(name)
    with Api.of(cluster.plane, is_admin=False) as other:
        _, answer = other.call("GET", "/api/v1/nodes", None, {"Authorization": f"Bearer {token}", **headers})
    is_refused = "cannot impersonate" in json.dumps(answer)
    assert (not is_refused, said) == (is_reached, privilege), answer


def test_a_service_account_without_a_namespace(api: Api) -> None:
    """In a RoleBinding it is of the binding's own; a ClusterRoleBinding with one is not valid."""
    name = f"user-{next(NUMBERS)}"
    subject = {"kind": "ServiceAccount", "name": name}
    objects = [role(name, (rule("get", "secrets"),)), binding(name, "team", subject)]
    api.create(objects)
    for namespace, status, privilege in (("team", 200, "elevated"), ("other", 403, "none")):
        user = f"system:serviceaccount:{namespace}:{name}"
        assert answered(api, user, Asked("GET", f"{SECRETS}/tls"))[0] == status
        assert str(privilege_of(user, (), Rbac(objects).rights_of(user, ()))[0]) == privilege
    bound = {**objects[1], "kind": "ClusterRoleBinding", "metadata": {"name": name}}
    status, answer = api.call("POST", f"{ROLES}/clusterrolebindings", bound)
    assert (status, "subjects[0].namespace" in json.dumps(answer)) == (422, True)
