"""The backend EKSConfigMap: the ConfigMap `aws-auth`, whose values are YAML texts of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field, replace
from functools import cache
from typing import Any

from tarmak_iam.aws.go_case import fold, to_lower
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Scalar
from tarmak_iam.document.scalars import YAML_V2_LATER
from tarmak_iam.document.tree import place_within
from tarmak_iam.errors import ParseError, Place
from tarmak_iam.identity.backend_support import EKS_CONFIG_MAP
from tarmak_iam.identity.backend_table import BackendTable, Found, check_role_mapping, compared_one_by_one, sso_patterns
from tarmak_iam.identity.cluster_objects import ClusterObject
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.go_decoding import JsonMappings, YamlMappings
from tarmak_iam.identity.model import DaemonNotStarted, IdentityMapping, Locate, no_place
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Route

AWS_AUTH_NAME, AWS_AUTH_NAMESPACE = "aws-auth", "kube-system"

_KEYS = {"role": "mapRoles", "user": "mapUsers"}


def find_aws_auth(objects: Iterable[ClusterObject]) -> ClusterObject | None:
    """The ConfigMap that the daemon watches; without a namespace it is taken as that of kube-system."""
    found = [each for each in objects if each.kind == "ConfigMap" and each.name == AWS_AUTH_NAME]
    return next((each for each in found if each.namespace in ("", AWS_AUTH_NAMESPACE)), None)


def load_eks_configmap(config: DaemonConfig, aws_auth: ClusterObject | None) -> BackendTable:
    """The daemon logs and skips what is not valid, and runs on. None: the cluster has no such object."""
    reader, version = _AwsAuthReader(config.version, aws_auth), config.version
    roles, users, accounts = list(reader.mappings("role")), list(reader.mappings("user")), reader.accounts()
    folds = version.has(ReleaseFeature.EQUAL_FOLD)
    compare = fold if folds else to_lower
    return BackendTable(
        backend=EKS_CONFIG_MAP.name,
        roles=_by_arn({to_lower(role.arn): role for role in roles if role.arn}, version, compare),
        users=_by_arn({_user_key(user, version): user for user in users if user.arn}, version, compare),
        folds_roles=folds,
        folds_users=folds,
        place=no_place if aws_auth is None else _places(aws_auth),
        written=(*roles, *users),
        patterns=sso_patterns(roles) if config.matches_sso(EKS_CONFIG_MAP) else (),
        accounts=frozenset(accounts),
        notes=reader.notes,
        accounts_route=Route.of(("data", "mapAccounts")),
        reserved_prefixes=config.reserved_in(EKS_CONFIG_MAP),
    )


def _by_arn(
    filed: dict[str, IdentityMapping], version: DaemonVersion, compare: Callable[[str], str]
) -> dict[str, Found]:
    """Releases that check their mappings compare one by one; others look them up."""
    found: dict[str, Found] = {key: (mapping,) for key, mapping in filed.items()}
    return (
        compared_one_by_one(found.values(), lambda each: compare(each.arn))
        if version.has(ReleaseFeature.CHECKS_ENTRIES)
        else found
    )


def _user_key(user: IdentityMapping, version: DaemonVersion) -> str:
    return user.arn if version.has(ReleaseFeature.CHECKS_ENTRIES) else to_lower(user.arn)


@dataclass
class _AwsAuthReader:
    version: DaemonVersion
    aws_auth: ClusterObject | None
    _notes: list[str] = field(default_factory=list)

    @property
    def notes(self) -> tuple[str, ...]:
        if self.aws_auth is None:
            return ("the cluster has no ConfigMap aws-auth in kube-system, so it maps no principal",)
        return tuple(self._notes)

    def mappings(self, kind: str) -> Iterator[IdentityMapping]:
        key = _KEYS[kind]
        document = self._text(key)
        if document is None:
            return
        found = self._of_json(document, kind) if self._reads_json else self._of_yaml(document, kind)
        for mapping in found:
            reason = self._refusal(mapping)
            if reason:
                self._notes.append(f"{key}: a mapping is skipped: {reason}")
            else:
                yield _moved(mapping, Route.of(("data", key)))

    def accounts(self) -> list[str]:
        """A number is read as it is written, in every release."""
        document = self._text("mapAccounts")
        texts = YamlMappings()
        found = texts.texts(document.root) if document else []
        self._note_failure("mapAccounts", texts.failed)
        return found

    @property
    def _reads_json(self) -> bool:
        """Up to v0.5.7, and in v0.6.0 and later, the text is converted to JSON first, whose keys can have any case."""
        return self.version.has(ReleaseFeature.AWS_AUTH_IN_ANY_CASE)

    def _of_json(self, document: Document, kind: str) -> list[IdentityMapping]:
        data = document.read_as(YAML_V2_LATER)
        if not _has_json(data):
            self._notes.append(f"{_KEYS[kind]} is skipped: JSON has no infinity and no NaN")
            return []
        decoder = JsonMappings(has_sso=self.version.has(ReleaseFeature.SSO_ENTRIES))
        found = decoder.mappings(kind, (Route(), _sorted(data)))
        self._note_failure(_KEYS[kind], decoder.failed)
        return found

    def _of_yaml(self, document: Document, kind: str) -> list[IdentityMapping]:
        decoder = YamlMappings()
        found = decoder.mappings(document, kind)
        self._note_failure(_KEYS[kind], decoder.failed)
        if decoder.miscased:
            keys = ", ".join(sorted(decoder.miscased))
            self._notes.append(f"{_KEYS[kind]}: {self.version} reads keys in lower case only, so {keys} is ignored")
        return found

    def _refusal(self, mapping: IdentityMapping) -> str:
        """Why a release that checks its mappings skips one."""
        if not self.version.has(ReleaseFeature.CHECKS_ENTRIES):
            return ""
        if mapping.kind == "user":
            return "" if mapping.arn else "it has no userarn"
        try:
            check_role_mapping(mapping, self.version)
        except DaemonNotStarted as refusal:
            return refusal.reason
        return ""

    def _text(self, key: str) -> Document | None:
        """None for a key that does not exist or is not YAML: the daemon runs on without it."""
        value = self.aws_auth.field("data").get(key) if self.aws_auth else None
        if not isinstance(value, str):
            return None
        try:
            document = Document.parse(value, key, json=False)
            document.read_as(YAML_V2_LATER)
        except ParseError as error:
            self._notes.append(f"{key} is skipped: {error}")
            return None
        return document

    def _note_failure(self, key: str, failed: bool) -> None:
        if failed:
            self._notes.append(f"{key}: a value with the wrong type is skipped")


def _moved(mapping: IdentityMapping, inside: Route) -> IdentityMapping:
    """With a route through the ConfigMap: `data`, the key, and the steps within that text."""
    return replace(mapping, route=Route((*inside.steps, *mapping.route.steps)))


def _has_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_has_json, value.values()))
    if isinstance(value, list):
        return all(map(_has_json, value))
    return not isinstance(value, float) or math.isfinite(value)


def _sorted(value: Any) -> Any:
    """Go's JSON sorts the keys of a mapping, so the last of two spellings is the greater one."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=str)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


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
        return place_within(aws_auth.document.source, node, inner(node.text).position(Route(route.steps[2:])))

    return place
