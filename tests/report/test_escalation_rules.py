"""Which rights lead to more rights, in which namespace, and which similar ones do not."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.report.escalations import ClusterFacts, Privilege
from tarmak_iam.report.rbac import BindingRights, PolicyRule, Rbac, privilege_of
from tests.report.test_rbac import EVERYTHING, binding, role

RBAC = "rbac.authorization.k8s.io"
CERTIFICATES = "certificates.k8s.io"
ADMISSION = "admissionregistration.k8s.io"
IAM = "iamauthenticator.k8s.aws"
KUBELET = "kubernetes.io/kube-apiserver-client-kubelet"


def rule(words: str) -> dict[str, Any]:
    """`VERB,VERB RESOURCE,RESOURCE [GROUP,GROUP] [NAME,NAME]`; `core` is the core group."""
    verbs, resources, *others = (word.split(",") for word in words.split())
    groups, *names = others or (["core"],)
    made = {"verbs": verbs, "resources": resources, "apiGroups": ["" if each == "core" else each for each in groups]}
    return made | ({"resourceNames": names[0]} if names else {})


def right(*rules: str, namespace: str = "", facts: ClusterFacts | None = None) -> BindingRights:
    objects = [role("r", *map(rule, rules)), binding("b", "r", "Group:a", namespace=namespace)]
    (found,) = Rbac(objects, facts).of("Group", "a")
    return found


ADMINS = [
    ("create iamidentitymappings iamauthenticator.k8s.aws", "", "writes the IAM mappings"),
    ("patch iamidentitymappings iamauthenticator.k8s.aws dev", "", "writes the IAM mappings"),
    ("update iamidentitymappings/status iamauthenticator.k8s.aws", "", "writes the IAM mappings"),
    ("* * iamauthenticator.k8s.aws", "", "writes the IAM mappings"),
    ("update */status *", "", "writes the IAM mappings"),
    ("update configmaps core aws-auth", "", "writes the IAM mappings"),
    ("patch configmaps core aws-iam-authenticator", "kube-system", "writes the IAM mappings"),
    ("create configmaps", "kube-system", "writes the IAM mappings"),
    ("create pods", "", "starts pods"),
    ("create pods", "kube-system", "starts pods"),
    ("patch pods core calico-node-x", "kube-system", "starts pods"),
    ("patch daemonsets apps aws-iam-authenticator", "kube-system", "starts pods"),
    ("update deployments extensions", "kube-system", "starts pods"),
    ("create cronjobs batch", "kube-system", "starts pods"),
    ("create replicationcontrollers", "kube-system", "starts pods"),
    ("create pods/exec", "kube-system", "runs commands in pods"),
    ("get pods/attach", "", "runs commands in pods"),
    ("create */exec", "", "runs commands in pods"),
    ("patch pods/ephemeralcontainers", "kube-system", "adds containers to pods"),
]


@pytest.mark.parametrize(("words", "namespace", "risk"), ADMINS)
def test_who_can_make_itself_an_admin(words: str, namespace: str, risk: str) -> None:
    found = right(words, namespace=namespace)
    assert (found.privilege, found.risks) == (Privilege.ADMIN, (risk,))


ELEVATED = [
    ("get secrets", "", "reads secrets"),
    ("list secrets core tls", "pay", "reads secrets"),
    ("patch secrets core tls", "pay", "reads secrets"),
    ("delete secrets core tls", "pay", "reads secrets"),
    ("deletecollection secrets", "pay", "reads secrets"),
    ("create secrets", "kube-system", "creates bootstrap tokens"),
    ("update secrets core bootstrap-token-abcdef", "kube-system", "creates bootstrap tokens"),
    ("create pods/exec", "pay", "runs commands in pods"),
    ("get pods/exec core web-0", "pay", "runs commands in pods"),
    ("update pods/ephemeralcontainers", "pay", "adds containers to pods"),
    ("create serviceaccounts/token", "pay", "creates service account tokens"),
    ("create serviceaccounts/token core bot", "pay", "creates service account tokens"),
    ("impersonate serviceaccounts", "pay", "impersonates others"),
    ("impersonate users", "", "impersonates others"),
    ("impersonate groups core,apps system:masters", "", "impersonates others"),
    ("impersonate userextras/scopes authentication.k8s.io", "", "impersonates others"),
    ("impersonate */scopes authentication.k8s.io", "", "impersonates others"),
    ("escalate roles rbac.authorization.k8s.io", "pay", "grants rights that it does not have"),
    ("bind clusterroles rbac.authorization.k8s.io cluster-admin", "pay", "grants rights that it does not have"),
    ("escalate clusterroles rbac.authorization.k8s.io", "", "grants rights that it does not have"),
    ("get nodes/proxy", "", "accesses kubelets"),
    ("patch */proxy core node-1", "", "accesses kubelets"),
    ("create mutatingwebhookconfigurations admissionregistration.k8s.io", "", "changes admission webhooks"),
    ("patch mutatingwebhookconfigurations admissionregistration.k8s.io a", "", "changes admission webhooks"),
    ("update validatingwebhookconfigurations admissionregistration.k8s.io", "", "changes admission webhooks"),
    ("create mutatingadmissionpolicies admissionregistration.k8s.io", "", "changes admission webhooks"),
    ("update apiservices apiregistration.k8s.io", "", "changes API services"),
    ("patch customresourcedefinitions apiextensions.k8s.io", "", "changes custom resource definitions"),
    ("create persistentvolumes", "", "creates persistent volumes"),
    ("patch namespaces core pay", "", "changes namespaces"),
    ("update namespaces", "pay", "changes namespaces"),
    ("update podsecuritypolicies policy", "", "changes pod security policies"),
    ("patch podsecuritypolicies extensions", "", "changes pod security policies"),
]


@pytest.mark.parametrize(("words", "namespace", "risk"), ELEVATED)
def test_what_leads_to_more(words: str, namespace: str, risk: str) -> None:
    found = right(words, namespace=namespace)
    assert (found.privilege, found.risks) == (Privilege.ELEVATED, (risk,))


NOT = [
    # No object is named in a request to create one, nor in one to delete a collection.
    ("create iamidentitymappings iamauthenticator.k8s.aws dev", ""),
    ("create configmaps core aws-auth", "kube-system"),
    ("create pods core web-0", "kube-system"),
    ("deletecollection secrets core tls", "pay"),
    ("create persistentvolumes core pv", ""),
    # Other objects, other groups, other namespaces, other resources.
    ("update configmaps core coredns", "kube-system"),
    ("update configmaps core aws-auth", "pay"),
    ("get,list,watch configmaps,pods,pods/log,events,nodes", ""),
    ("get iamidentitymappings iamauthenticator.k8s.aws", ""),
    ("update iamidentitymappings example.com", ""),
    ("get secrets apps", ""),
    ("create secrets", "pay"),
    ("update secrets core registry", "kube-system"),
    ("create pods/*", ""),
    ("create pods example.com", "kube-system"),
    ("create pods/eviction,pods/binding", "kube-system"),
    ("impersonate users example.com", ""),
    ("impersonate users,groups authentication.k8s.io", ""),
    ("impersonate userextras authentication.k8s.io", ""),
    ("impersonate userextras/* authentication.k8s.io", ""),
    ("impersonate userextras/scopes", ""),
    ("impersonate uids authentication.k8s.io", ""),
    ("bind,escalate clusterroles", ""),
    ("list nodes/proxy", ""),
    ("create customresourcedefinitions apiextensions.k8s.io", ""),
    ("get,list,watch,create * apps.example.com", ""),
    # RoleBindings give nothing that is in no namespace.
    ("* iamidentitymappings iamauthenticator.k8s.aws", "kube-system"),
    ("impersonate users,groups", "pay"),
    ("impersonate userextras/scopes authentication.k8s.io", "pay"),
    ("escalate clusterroles rbac.authorization.k8s.io", "pay"),
    ("get nodes/proxy", "pay"),
    ("* mutatingwebhookconfigurations admissionregistration.k8s.io", "pay"),
    ("create persistentvolumes", "pay"),
    ("update certificatesigningrequests/approval certificates.k8s.io", "pay"),
    ("* apiservices apiregistration.k8s.io", "pay"),
    ("* podsecuritypolicies policy", "pay"),
]


@pytest.mark.parametrize(("words", "namespace"), NOT)
def test_what_does_not_lead_to_more(words: str, namespace: str) -> None:
    found = right(words, namespace=namespace)
    assert (found.privilege, found.risks) == (Privilege.NONE, ())


@pytest.mark.parametrize(
    ("words", "namespace", "notes"),
    [
        ("create deployments apps", "pay", ("starts pods in pay",)),
        ("get pods/portforward", "", ("connects to ports of pods",)),
        ("create services/proxy", "pay", ("connects to ports of pods in pay",)),
        ("patch endpointslices discovery.k8s.io", "pay", ("redirects traffic of services in pay",)),
        ("patch nodes", "", ("changes nodes",)),
        ("patch nodes", "pay", ()),
        ("delete iamidentitymappings iamauthenticator.k8s.aws", "", ("deletes the IAM mappings",)),
        ("delete configmaps core aws-auth", "kube-system", ("deletes the IAM mappings in kube-system",)),
        ("delete configmaps", "pay", ()),
        ("create rolebindings rbac.authorization.k8s.io", "pay", ("grants its own rights to others in pay",)),
        ("create clusterrolebindings rbac.authorization.k8s.io", "", ("grants its own rights to others",)),
        ("create clusterrolebindings rbac.authorization.k8s.io", "pay", ()),
        (
            "delete validatingwebhookconfigurations admissionregistration.k8s.io",
            "",
            ("removes admission webhooks",),
        ),
        ("get pods/log", "pay", ()),
    ],
)
def test_what_is_worth_a_note(words: str, namespace: str, notes: tuple[str, ...]) -> None:
    found = right(words, namespace=namespace)
    assert (found.privilege, found.notes) == (Privilege.NONE, notes)


@pytest.mark.parametrize(
    ("backends", "words", "expected"),
    [
        (("MountedFile",), f"create iamidentitymappings {IAM}", Privilege.NONE),
        (("CRD",), f"create iamidentitymappings {IAM}", Privilege.ADMIN),
        (("MountedFile", "CRD"), f"create iamidentitymappings {IAM}", Privilege.ADMIN),
        (("CRD",), "update configmaps core aws-auth", Privilege.NONE),
        (("EKSConfigMap",), "update configmaps core aws-auth", Privilege.ADMIN),
        # It has the configuration whatever the backends are.
        (("CRD",), "update configmaps core aws-iam-authenticator", Privilege.ADMIN),
        (("CRD",), "update configmaps core own-config", Privilege.ADMIN),
        (None, f"create iamidentitymappings {IAM}", Privilege.ADMIN),
        (None, "update configmaps core aws-auth", Privilege.ADMIN),
    ],
)
def test_it_depends_on_the_backends(backends: tuple[str, ...] | None, words: str, expected: Privilege) -> None:
    facts = ClusterFacts(backends, ("aws-iam-authenticator", "own-config"))
    assert right(words, facts=facts).privilege is expected


APPROVAL = f"update certificatesigningrequests/approval {CERTIFICATES}"


@pytest.mark.parametrize(
    ("signers", "expected"),
    [
        (f"approve signers {CERTIFICATES}", ("approves certificates",)),
        (f"* signers {CERTIFICATES} {KUBELET}", ("approves certificates",)),
        (f"approve * {CERTIFICATES} kubernetes.io/*", ("approves certificates",)),
        (f"approve signers {CERTIFICATES} kubernetes.io/kubelet-serving", ()),
        (f"approve signers {CERTIFICATES} example.com/*", ()),
        (f"sign signers {CERTIFICATES}", ()),
        ("approve signers", ()),
        ("get pods", ()),
    ],
)
def test_who_approves_certificates(signers: str, expected: tuple[str, ...]) -> None:
    """The admission plugin CertificateApproval asks for the signer, from Kubernetes 1.18 on."""
    assert right(APPROVAL, signers).risks == expected
    assert right(APPROVAL, signers, facts=ClusterFacts(has_signers=False)).risks == ("approves certificates",)


def test_two_bindings_together_lead_to_more() -> None:
    objects = [
        role("approver", rule(APPROVAL)),
        role("signer", rule(f"approve signers {CERTIFICATES}")),
        binding("one", "approver", "Group:a"),
        binding("two", "signer", "User:u", "Group:b"),
        binding("three", "signer", "Group:c", namespace="pay"),
    ]
    rbac = Rbac(objects)
    because = ("ClusterRoleBinding one and ClusterRoleBinding two: approves certificates",)
    assert privilege_of("u", ["a"], rbac.rights_of("u", ["a"])) == (Privilege.ELEVATED, because)
    assert privilege_of("v", ["a"], rbac.rights_of("v", ["a"])) == (Privilege.NONE, ())
    assert privilege_of("v", ["a", "c"], rbac.rights_of("v", ["a", "c"])) == (Privilege.NONE, ())
    assert privilege_of("u", [], rbac.rights_of("u", [])) == (Privilege.NONE, ())


def test_a_node_certificate_takes_a_request_too() -> None:
    asked = f"create certificatesigningrequests/nodeclient {CERTIFICATES}"
    assert right(asked).risks == ()
    both = right(asked, f"create certificatesigningrequests {CERTIFICATES}")
    assert both.risks == ("obtains node certificates",)


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ("pay", (Privilege.ELEVATED, ("RoleBinding pay/b: everything in a namespace in pay",))),
        (
            "kube-system",
            (
                Privilege.ADMIN,
                ("RoleBinding kube-system/b: everything in a namespace in kube-system, where the authenticator runs",),
            ),
        ),
        ("", (Privilege.ADMIN, ("ClusterRoleBinding b: everything",))),
    ],
)
def test_everything_of_a_namespace(namespace: str, expected: tuple[Privilege, tuple[str, ...]]) -> None:
    rbac = Rbac([role("r", EVERYTHING), binding("b", "r", "Group:a", namespace=namespace)])
    assert privilege_of("u", ["a"], rbac.of("Group", "a")) == expected


STARTS = rule("create pods")


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([], ("starts pods in pay",)),
        ([binding("bot", "admin", "ServiceAccount:pay:bot")], "the service account pay:bot"),
        ([binding("bot", "admin", "ServiceAccount:ci:bot")], ("starts pods in pay",)),
        # In a RoleBinding a service account without a namespace is of the binding's own.
        ([binding("bot", "admin", "ServiceAccount::bot", namespace="pay")], "the service account pay:bot"),
        ([binding("all", "admin", "Group:system:serviceaccounts")], "any service account of pay"),
        ([binding("all", "admin", "Group:system:serviceaccounts:pay")], "any service account of pay"),
        ([binding("all", "admin", "Group:system:serviceaccounts:ci")], ("starts pods in pay",)),
        ([binding("bot", "view", "ServiceAccount:pay:bot")], ("starts pods in pay",)),
        # The service account of pay starts pods in ci, as a service account that has everything.
        (
            [
                binding("bot", "starter", "ServiceAccount:pay:bot", namespace="ci"),
                binding("ci", "admin", "ServiceAccount:ci:runner"),
            ],
            "the service account pay:bot",
        ),
    ],
)
def test_who_starts_pods_is_any_service_account_there(
    objects: list[dict[str, Any]], expected: str | tuple[str, ...]
) -> None:
    roles = [role("admin", EVERYTHING), role("view", rule("get pods")), role("starter", STARTS)]
    rbac = Rbac([*roles, binding("dev", "starter", "Group:devs", namespace="pay"), *objects])
    (found,) = rbac.of("Group", "devs")
    if isinstance(expected, tuple):
        assert (found.privilege, found.notes) == (Privilege.NONE, expected)
    else:
        because = (f"RoleBinding pay/dev: starts pods in pay as {expected}",)
        assert privilege_of("u", ["devs"], [found]) == (Privilege.ELEVATED, because)


@pytest.mark.parametrize(
    ("words", "namespace", "expected"),
    [
        ("get *", "", "get on every resource of the core group"),
        ("get * apps", "", "get on every resource of apps"),
        ("get *,pods core,apps", "", "get on every resource of the core group, every resource of apps"),
        ("get * *", "", "get on every resource"),
        ("update */scale apps", "", "update on */scale.apps"),
        ("* *", "", "every verb on every resource of the core group"),
        ("get nodes,pods,nodes/proxy", "pay", "get on pods"),
        ("get nodes,pods *", "pay", "get on pods.*"),
        ("bind clusterroles rbac.authorization.k8s.io", "pay", f"bind on clusterroles.{RBAC}"),
    ],
)
def test_the_group_is_named(words: str, namespace: str, expected: str) -> None:
    found = right(words, namespace=namespace)
    assert found.rules is not None
    assert [each.text for each in found.rules] == [expected]


@pytest.mark.parametrize(
    "given",
    [{"verbs": ["get"], "nonResourceURLs": ["/metrics"]}, rule("get nodes"), rule(f"* * {IAM} x") | {"apiGroups": []}],
)
def test_a_role_binding_gives_nothing_of_it(given: dict[str, Any]) -> None:
    rbac = Rbac([role("r", given), binding("b", "r", "Group:a", namespace="pay")])
    (found,) = rbac.of("Group", "a")
    assert (found.rules, found.escalations) == ((), ())


def test_an_empty_name_is_that_of_a_request_without_one() -> None:
    made = {"verbs": ["create"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["web", ""]}
    objects = [role("r", made), binding("b", "r", "Group:a")]
    (found,) = Rbac(objects).of("Group", "a")
    assert found.risks == ("starts pods",)


def test_as_kubectl_takes_them() -> None:
    shown = [PolicyRule.of(rule(words)).resources for words in ("get * *", "get *", "get * apps", "get pods core,apps")]
    assert shown == [("*",), ("*.",), ("*.apps",), ("pods", "pods.apps")]
