"""The backend EKSConfigMap: the ConfigMap `aws-auth`, whose values are YAML texts of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from collections.abc import Mapping as AnyMapping
from functools import cache
from typing import Any

from tarmak_iam.aws.go_case import fold, to_lower
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Scalar
from tarmak_iam.document.scalars import YAML_V2_LATER
from tarmak_iam.errors import ParseError, Place
from tarmak_iam.identity.backend_support import EKS_CONFIG_MAP
from tarmak_iam.identity.backend_table import BackendTable, Found, check_role_mapping, compared_as_written, sso_patterns
from tarmak_iam.identity.cluster_objects import ClusterObject, place_within
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.go_decoding import JsonMappings, YamlMappings
from tarmak_iam.identity.model import DaemonNotStarted, IdentityMapping, Locate, no_place
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature
from tarmak_iam.routes import Route

AWS_AUTH_NAME, AWS_AUTH_NAMESPACE = "aws-auth", "kube-system"


def load_eks_configmap(config: DaemonConfig, objects: Iterable[ClusterObject]) -> BackendTable:
    """The authenticator logs and skips invalid mappings, and runs on, also in a cluster without the ConfigMap; without
    a namespace it is taken as that of kube-system."""
    named = (item for item in objects if item.kind == "ConfigMap" and item.name == AWS_AUTH_NAME)
    aws_auth = next((item for item in named if item.namespace in ("", AWS_AUTH_NAMESPACE)), None)
    version = config.version
    notes = [] if aws_auth else ["the cluster has no ConfigMap aws-auth in kube-system, so it maps no principal"]
    data = aws_auth.field("data") if aws_auth else {}
    roles, users = (_mappings(kind, data, version, notes) for kind in ("role", "user"))
    accounts, decoder = _document("mapAccounts", data, notes), YamlMappings()
    # A number is read as it is written, in every release.
    admitted = decoder.texts(accounts.root if accounts else None)
    if decoder.failed:
        notes.append(_wrong_type("mapAccounts"))
    folds = version.has(ReleaseFeature.EQUAL_FOLD)
    compared = fold if folds else to_lower
    return BackendTable(
        backend=EKS_CONFIG_MAP.name,
        roles=_by_arn(roles, version, compared),
        users=_by_arn(users, version, compared),
        folds_roles=folds,
        folds_users=folds,
        place=no_place if aws_auth is None else _places(aws_auth),
        written=(*roles, *users),
        patterns=sso_patterns(roles) if config.matches_sso(EKS_CONFIG_MAP) else (),
        accounts=frozenset(admitted),
        notes=tuple(notes),
        accounts_route=Route.of(("data", "mapAccounts")),
        reserved_prefixes=config.reserved_in(EKS_CONFIG_MAP),
    )


def _by_arn(
    mappings: list[IdentityMapping], version: DaemonVersion, compared: Callable[[str], str]
) -> dict[str, Found]:
    """Releases that check their mappings compare one by one; others look them up."""
    mappings = [mapping for mapping in mappings if mapping.arn]
    if version.has(ReleaseFeature.CHECKS_ENTRIES):
        return compared_as_written(mappings, compared)
    return {to_lower(mapping.arn): (mapping,) for mapping in mappings}


def _mappings(kind: str, data: AnyMapping[str, Any], version: DaemonVersion, notes: list[str]) -> list[IdentityMapping]:
    """Of one list, with routes through the ConfigMap: `data`, the key, and the steps within that text."""
    key = f"map{kind.capitalize()}s"
    document = _document(key, data, notes)
    if document is None:
        return []
    # Up to v0.5.7, and in v0.6.0 and later, the text is converted to JSON first, whose keys can have any case.
    if version.has(ReleaseFeature.AWS_AUTH_IN_ANY_CASE):
        try:
            read = _as_json(document.read_as(YAML_V2_LATER))
        except ValueError:
            notes.append(f"{key} is skipped: JSON has no infinity and no NaN")
            return []
        of_json = JsonMappings(has_sso=version.has(ReleaseFeature.SSO_ENTRIES))
        mappings, failed, miscased = of_json.mappings(kind, (Route(), read)), of_json.failed, ""
    else:
        of_yaml = YamlMappings()
        mappings, failed = of_yaml.mappings(document, kind), of_yaml.failed
        miscased = ", ".join(sorted(of_yaml.miscased))
    if failed:
        notes.append(_wrong_type(key))
    if miscased:
        notes.append(f"{key}: {version} reads keys in lower case only, so {miscased} is ignored")
    admitted = []
    for mapping in mappings:
        try:
            if version.has(ReleaseFeature.CHECKS_ENTRIES) and kind == "role":
                check_role_mapping(mapping, version)
            elif version.has(ReleaseFeature.CHECKS_ENTRIES) and not mapping.arn:
                raise DaemonNotStarted("it has no userarn")
            admitted.append(mapping._replace(route=Route((*Route.of(("data", key)).steps, *mapping.route.steps))))
        except DaemonNotStarted as refusal:
            notes.append(f"{key}: a mapping is skipped: {refusal.reason}")
    return admitted


def _document(key: str, data: AnyMapping[str, Any], notes: list[str]) -> Document | None:
    """None for a key that does not exist or is not YAML: the authenticator runs on without it."""
    text = data.get(key)
    if not isinstance(text, str):
        return None
    try:
        document = Document.parse(text, key, json=False)
        document.read_as(YAML_V2_LATER)
    except ParseError as error:
        notes.append(f"{key} is skipped: {error}")
        return None
    return document


def _wrong_type(key: str) -> str:
    return f"{key}: a value with the wrong type is skipped"


def _as_json(value: Any) -> Any:
    """Go's JSON sorts the keys of a mapping, so the last of two spellings is the greater one. Raises ValueError for
    infinity and NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _as_json(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(value)
    return [_as_json(item) for item in value] if isinstance(value, list) else value


def _places(aws_auth: ClusterObject) -> Locate:
    """Places in the file for nodes within the texts of `data`; each text is parsed once."""
    inner = cache(lambda text: Document.parse(text, json=False))

    def place(route: Route | None) -> Place | None:
        if route is None:
            return None
        outer = Route((*aws_auth.route.steps, *route.steps[:2]))
        node = aws_auth.document.node(outer)
        if not isinstance(node, Scalar):
            return aws_auth.document.position(outer)
        return place_within(aws_auth.document, outer, inner(node.text).position(Route(route.steps[2:])))

    return place
