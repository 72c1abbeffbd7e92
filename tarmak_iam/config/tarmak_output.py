"""The content that Tarmak writes when it rewrites tarmak.yaml: defaults, keys and values, but not the layout.

Source: SetDefaults_* in pkg/apis/cluster/v1alpha1/defaults.go and pkg/apis/tarmak/v1alpha1/defaults.go.
Go's zero value and a missing value are the same here, except for pointers and lists: an empty list is a value.

Tarmak writes all fields of its structs as JSON, in YAML: with defaults, without empty values. Sources: the JSON tags
of pkg/apis/cluster/v1alpha1, pkg/apis/tarmak/v1alpha1 and of apimachinery's ObjectMeta, and its Time.
"""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from tarmak_iam.config.amazon import used_logs
from tarmak_iam.config.decode import API_VERSION, KIND
from tarmak_iam.config.kubernetes_versions import DEFAULT_KUBERNETES
from tarmak_iam.config.tarmak_types import BINARY_SUFFIXES, Field, quantity_size, root_field
from tarmak_iam.document.plain_values import same
from tarmak_iam.document.scalars import decode_base64

NOW = "<NOW>"
"""Stands for the time at which Tarmak reads the file; no time in a file looks like it."""

_Object = dict[str, Any]

_FIRST_PROXY_PORT = 9200


def defaulted(data: Mapping[str, Any]) -> _Object:
    """The typed data of a file (`decode`) with Tarmak's defaults; a creation time that Tarmak sets is NOW."""
    config = copy.deepcopy(dict(data))
    _stamp(config)
    for cluster in _items(config, "clusters"):
        _default_cluster(cluster)
        for pool in _items(cluster, "instancePools"):
            _default_pool(pool)
    for provider in _items(config, "providers"):
        _stamp(provider)
    for environment in _items(config, "environments"):
        _stamp(environment)
        _fill(environment, "privateZone", "tarmak.local")
        environment.setdefault("adminCIDRs", ["0.0.0.0/0"])
    return config


def with_log_defaults(api_server: Mapping[str, Any]) -> _Object:
    """`kubernetes.apiServer` with the defaults of the access logs in its section `amazon`."""
    defaulted = copy.deepcopy(dict(api_server))
    for name, log in used_logs(defaulted.get("amazon")):
        defaulted["amazon"][name] = log
    return defaulted


# The defaults of a cluster, in Tarmak's order: a value that is not set gets them. Where the field is not a pointer in
# Go, so do an empty string and 0, which are the same to Tarmak: those have True.
_CLUSTER_DEFAULTS: tuple[tuple[tuple[str, ...], Any, bool], ...] = (
    (("network", "cidr"), "10.99.0.0/16", True),
    (("kubernetes", "version"), DEFAULT_KUBERNETES, True),
    (("kubernetes", "zone"), "cluster.local", True),
    (("kubernetes", "podCIDR"), "100.64.0.0/16", True),
    (("kubernetes", "serviceCIDR"), "10.254.0.0/16", True),
    (("kubernetes", "clusterAutoscaler", "scaleDownUtilizationThreshold"), 0.5, False),
    (("kubernetes", "tiller"), {}, False),
    (("kubernetes", "dashboard"), {}, False),
    (("kubernetes", "heapster"), {"enabled": True}, False),  # a block without `enabled` is off
    (("kubernetes", "grafana"), {"enabled": True}, False),
    (("kubernetes", "influxDB"), {"enabled": True}, False),
    (("kubernetes", "calico", "backend"), "etcd", True),
    (("amazon", "ebsEncrypted"), False, False),
    (("amazon", "additionalIAMPolicies"), [], False),
    (("loggingSinks",), [], False),
    (("vaultHelper",), {}, False),
)


def _default_cluster(cluster: _Object) -> None:
    _stamp(cluster)
    for (*parents, key), value, replaces_empty in _CLUSTER_DEFAULTS:
        item = cluster
        for parent in parents:
            item = item.setdefault(parent, {})
        if not item.get(key) if replaces_empty else key not in item:
            item[key] = copy.deepcopy(value)
    kubernetes = cluster["kubernetes"]
    if kubernetes["calico"].get("enableTypha"):
        kubernetes["calico"].setdefault("typhaReplicas", 1)
    if "apiServer" in kubernetes:
        kubernetes["apiServer"] = with_log_defaults(kubernetes["apiServer"])
    sinks = cluster["loggingSinks"]
    for sink in sinks:
        search = sink.get("elasticsearch")
        if search is not None:
            _fill(search, "host", "127.0.0.1")
            search.setdefault("tls", True)
            _fill(search, "port", 443 if search["tls"] else 80)
            _fill(search, "logstashPrefix", "logstash")
            if search.get("amazonESProxy") is not None:
                _fill(search["amazonESProxy"], "port", _free_port(sinks))
        _fill(sink, "types", ["all"])


def _free_port(sinks: list[_Object]) -> int:
    """The first port that no sink uses: Tarmak assigns them one after the other."""
    proxies = [(sink.get("elasticsearch") or {}).get("amazonESProxy") or {} for sink in sinks]
    taken = {proxy.get("port") for proxy in proxies}
    return next(port for port in range(_FIRST_PROXY_PORT, _FIRST_PROXY_PORT + len(sinks) + 1) if port not in taken)


def _default_pool(pool: _Object) -> None:
    _stamp(pool)
    _fill(pool["metadata"], "name", pool.get("type"))
    suffix = "-k8s-worker" if pool.get("type") == "worker" else ""
    _fill(pool, "image", f"centos-puppet-agent{suffix}")
    for volume in _items(pool, "volumes"):
        _stamp(volume)
        volume.setdefault("size", "16Gi")
        _fill(volume, "type", "ssd")
    pool.setdefault("amazon", {}).setdefault("additionalIAMPolicies", [])


def _stamp(item: _Object) -> None:
    item.setdefault("metadata", {}).setdefault("creationTimestamp", NOW)


def _fill(item: _Object, key: str, value: Any) -> None:
    """For a field that is not a pointer in Go: an empty string, 0 and a missing value are all replaced."""
    if not item.get(key):
        item[key] = value


def _items(parent: _Object, key: str) -> Iterator[_Object]:
    """The items of a list of structs; one that is null is an empty struct, and becomes one."""
    items = parent.get(key) or []
    for index, item in enumerate(items):
        if item is None:
            items[index] = {}
        yield items[index]


Path = tuple[str | int, ...]


# Fields whose tags say nothing of omitempty, three of them by a slip of the pen (`omiempty`).
_ALWAYS = (
    ("Cluster", "amazon"),
    ("ClusterKubernetes", "grafana"),
    ("ClusterKubernetes", "heapster"),
    ("ClusterKubernetes", "influxDB"),
    ("ClusterKubernetesCalico", "backend"),
    ("ClusterKubernetesCalico", "enableTypha"),
    ("ClusterKubernetesCalico", "typhaReplicas"),
    ("Initializers", "pending"),
    ("Initializer", "name"),
    ("OwnerReference", "apiVersion"),
    ("OwnerReference", "kind"),
    ("OwnerReference", "name"),
    ("OwnerReference", "uid"),
    ("ObjectMeta", "creationTimestamp"),  # a separate struct, which is never empty
)

_EMBEDDED = ("ObjectMeta", "ListMeta")
"""Structs that Tarmak embeds without a pointer: they are always written."""

_POINTED_AT = ("LoggingSink", "Subnet", "Firewall", "IngressRule", "EgressRule", "Label", "Taint")
"""Structs that lists have pointers to: a null item stays null."""

_ZERO = {"string": "", "bool": False, "float64": 0.0}

_TIME = r"(?a)(.{10})T(\d+):(\d\d):(\d\d)[.,]?\d*(?:Z|([-+])(\d\d):(\d\d))\Z"

_NANO = 10**9


def tarmak_output(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data that Tarmak writes for a file with that typed data (`decode`); NOW where it uses the time of reading.

    Equal quantities have the same text here; Tarmak may keep another spelling.
    """
    head = {"apiVersion": API_VERSION, "kind": KIND}  # in these spellings, whatever the file contains
    return {**tarmak_json(defaulted(data)), **head}


def tarmak_json(data: Any, field: Field | None = None) -> Any:
    """The JSON of typed data, without defaults; `field` is the type of the data, by default that of a whole file."""
    field = field or root_field()
    if field.kind == "struct":
        json: dict[str, Any] = {}
        for key, of in field.fields.items():
            value = (data or {}).get(key)
            is_pointer, is_always = of.is_pointer or of.kind == "struct", (field.struct, key) in _ALWAYS
            if of.struct not in _EMBEDDED and value is None:
                json |= {key: None if is_pointer else _ZERO.get(of.kind)} if is_always else {}
            elif value or is_pointer or is_always:
                json[key] = tarmak_json(value, of)
        return json
    if field.is_bytes:
        import base64

        return base64.b64encode(decode_base64(data) if isinstance(data, str) else bytes(data)).decode()
    if field.kind == "list" and field.of is not None:
        keeps_null, of = field.of.struct in _POINTED_AT, field.of
        return [None if item is None and keeps_null else tarmak_json(item, of) for item in data]
    return {"timestamp": _utc, "quantity": _quantity}.get(field.kind, lambda value: value)(data)


def _utc(text: str | None) -> str | None:
    """Full seconds in UTC. A time outside of Python's range stays unchanged, and is equal to no other time."""
    match = re.match(_TIME, text or "")
    if not match:
        return text
    day, hours, minutes, seconds, sign, *offset = match.groups()
    with contextlib.suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(day) + timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
        east = timedelta(hours=int(offset[0] or 0), minutes=int(offset[1] or 0))
        moment += east if sign == "-" else -east
        return None if moment == datetime.min else f"{moment.isoformat()}Z"  # Go's zero time, which is written as null
    return text


def _quantity(text: str) -> str:
    """A quantity by its size alone, rounded up to the precision of Tarmak."""
    from fractions import Fraction

    size = Fraction(-(-quantity_size(text) * _NANO // 1), _NANO)
    if text.endswith(BINARY_SUFFIXES):
        size = min(size, Fraction(2**63 - 1))
    power = next((power for power in range(6, 0, -1) if size and size % 1024**power == 0), 0)
    return f"{'-' if text.startswith('-') and size else ''}{size / 1024**power}{('', *BINARY_SUFFIXES)[power]}"


def dropped_keys(data: Any, field: Field | None = None, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The keys of the plain data of a file that Tarmak does not know and never writes, with their values."""
    field = field or root_field()
    if field.kind == "struct" and isinstance(data, dict):
        for key, value in data.items():
            if key in field.fields:
                yield from dropped_keys(value, field.fields[key], (*at, key))
            elif at or str(key).lower() not in ("apiversion", "kind"):
                yield (*at, key), value
    elif field.of is not None and isinstance(data, (dict, list)):
        for step, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from dropped_keys(value, field.of, (*at, step))


def differences(expected: Any, actual: Any, at: Path = ()) -> Iterator[Path]:
    """The paths of all values that differ, including those that only one side has. NOW equals any time."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in {**expected, **actual}:
            if key in expected and key in actual:
                yield from differences(expected[key], actual[key], (*at, key))
            else:
                yield (*at, key)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, pair in enumerate(zip(expected, actual, strict=True)):
            yield from differences(*pair, (*at, index))
    elif not (same(expected, actual) or (expected == NOW and isinstance(actual, str))):
        yield at
