"""The backend CRD: IAMIdentityMapping objects, found by the canonical ARN that the daemon writes into their status."""

from __future__ import annotations

from collections.abc import Iterable

from tarmak_iam.aws.arn import ArnError, canonicalize
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.errors import Place
from tarmak_iam.identity.backend_support import CRD, CRD_GROUP
from tarmak_iam.identity.backend_table import BackendTable, Found
from tarmak_iam.identity.cluster_objects import ClusterObject
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.go_decoding import JsonMappings
from tarmak_iam.identity.releases import known_partitions
from tarmak_iam.routes import Route


def load_crd(config: DaemonConfig, objects: Iterable[ClusterObject]) -> BackendTable:
    """Objects with the same ARN are used in random order; accounts are not supported."""
    named = {
        item.name: item
        for item in objects
        if item.kind == "IAMIdentityMapping"
        and str(item.data.get("apiVersion", "")).partition("/")[0] in ("", CRD_GROUP)
    }
    # Ordered by name; of two objects with one name the later one is what the cluster ends up with.
    watched = [named[name] for name in sorted(named)]
    partitions = known_partitions(config.version)
    roles: dict[str, Found] = {}
    written = []
    for index, item in enumerate(watched):
        # Only the documented spelling of keys is read in an object of the cluster.
        spec = item.field("spec")
        fields = {"rolearn": spec.get("arn"), "username": spec.get("username"), "groups": spec.get("groups")}
        (mapping,) = JsonMappings(has_sso=False).mappings("role", (Route(), [fields]))
        mapping = mapping._replace(route=Route((index,)))
        written.append(mapping)
        # The controller writes the canonical form of spec.arn into the status; it leaves what it cannot canonicalise.
        try:
            key = canonicalize(to_lower(str(spec.get("arn"))), partitions)[1]
        except ArnError:
            key = str(item.field("status").get("canonicalARN") or "")
        if key:
            roles[key] = (*roles.get(key, ()), mapping)

    def place(route: Route | None) -> Place | None:
        step = route.steps[0] if route is not None and route.steps else None
        return watched[step].place(("spec",)) if isinstance(step, int) else None

    return BackendTable(
        backend=CRD.name,
        roles=roles,
        users={},
        place=place,
        written=tuple(written),
        reserved_prefixes=config.reserved_in(CRD),
    )
