"""The content that Tarmak writes when it rewrites tarmak.yaml: defaults, keys and values, but not the layout.

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
from typing import TYPE_CHECKING, Any

from tarmak_iam.config.api_server import used_logs
from tarmak_iam.config.decode import API_VERSION, KIND
from tarmak_iam.config.sections import Path
from tarmak_iam.config.tarmak_types import BINARY_SUFFIXES, DEFAULTS, Field, quantity_size, root_field
from tarmak_iam.document.plain_values import same
from tarmak_iam.document.scalars import decode_base64

if TYPE_CHECKING:
    from tarmak_iam.config.cluster import ReadFile

NOW = "<NOW>"
"""Stands for the time at which Tarmak reads the file; no time in a file looks like it."""

_FIRST_PROXY_PORT = 9200
_WITH_TIME = ("Cluster", "InstancePool", "Volume", "Environment", "Provider")


def defaulted(data: Mapping[str, Any]) -> dict[str, Any]:
    """The typed data of a file (`decode`) with Tarmak's defaults; a creation time that Tarmak sets is NOW."""
    config = copy.deepcopy(dict(data))
    config.setdefault("metadata", {}).setdefault("creationTimestamp", NOW)
    for cluster in _items(config, "clusters", "Cluster"):
        kubernetes = cluster["kubernetes"]
        if kubernetes["calico"].get("enableTypha"):
            kubernetes["calico"].setdefault("typhaReplicas", 1)
        if "apiServer" in kubernetes:
            kubernetes["apiServer"] = with_log_defaults(kubernetes["apiServer"])
        for sink in _items(cluster, "loggingSinks", "LoggingSink"):
            search = sink.get("elasticsearch")
            if search is None:
                continue
            _fill(search, "LoggingSinkElasticsearch")
            search["port"] = search.get("port") or (443 if search["tls"] else 80)
            proxy = search.get("amazonESProxy")
            if proxy is not None and not proxy.get("port"):  # the first one that no sink uses, one after the other
                searches = [other.get("elasticsearch") or {} for other in cluster["loggingSinks"]]
                taken = [(other.get("amazonESProxy") or {}).get("port") for other in searches]
                ports = range(_FIRST_PROXY_PORT, _FIRST_PROXY_PORT + len(taken) + 1)
                proxy["port"] = next(port for port in ports if port not in taken)
        for pool in _items(cluster, "instancePools", "InstancePool"):
            pool["metadata"]["name"] = pool["metadata"].get("name") or pool.get("type")
            suffix = "-k8s-worker" if pool.get("type") == "worker" else ""
            pool["image"] = pool.get("image") or f"centos-puppet-agent{suffix}"
            _items(pool, "volumes", "Volume")
    _items(config, "providers", "Provider")
    _items(config, "environments", "Environment")
    return config


def used_data(file: ReadFile) -> dict[str, Any]:
    """The data of a file with the defaults that Tarmak writes, and those that it only uses: the location of a cluster
    is that of its environment (Location in pkg/tarmak/environment/environment.go), and of minCount and maxCount one
    stands for both (pkg/tarmak/instance_pool/instance_pool.go)."""
    data = defaulted(file.data)
    for cluster, used in zip(file.clusters, data.get("clusters") or (), strict=True):
        location = cluster.environment_data().get("location")
        if location:
            used["location"] = location
        for pool in used.get("instancePools") or ():
            least, most = pool.get("minCount") or 0, pool.get("maxCount") or 0
            if least or most:
                pool["minCount"], pool["maxCount"] = least or most, most or least
    return data


def without_now(value: Any) -> Any:
    """A value without the times that Tarmak sets when it reads the file; None for such a time."""
    if isinstance(value, Mapping):
        members = {key: without_now(member) for key, member in value.items()}
        return {key: member for key, member in members.items() if member is not None}
    if isinstance(value, list):
        return [without_now(item) for item in value]
    return None if value == NOW else value


def _items(parent: dict[str, Any], key: str, struct: str) -> list[dict[str, Any]]:
    """The items of a list, with the defaults of their struct; one that is null is an empty struct, and becomes one."""
    items: list[dict[str, Any]] = parent.get(key) or []
    items[:] = [item or {} for item in items]
    for item in items:
        if struct in _WITH_TIME:
            item.setdefault("metadata", {}).setdefault("creationTimestamp", NOW)
        _fill(item, struct)
    return items


def _fill(item: dict[str, Any], struct: str) -> None:
    for path, value, replaces_empty in DEFAULTS.get(struct, ()):
        *parents, key = path.split(".")
        home = item
        for parent in parents:
            home = home.setdefault(parent, {})
        if not home.get(key) if replaces_empty else key not in home:
            home[key] = copy.deepcopy(value)


def with_log_defaults(api_server: Mapping[str, Any]) -> dict[str, Any]:
    """`kubernetes.apiServer` with the defaults of the access logs in its section `amazon`."""
    defaulted = copy.deepcopy(dict(api_server))
    for name, log in used_logs(defaulted.get("amazon")):
        defaulted["amazon"][name] = log
    return defaulted


_EMBEDDED = ("ObjectMeta", "ListMeta")
"""Structs that Tarmak embeds without a pointer: they are always written."""

_POINTED_AT = ("LoggingSink", "Subnet", "Firewall", "IngressRule", "EgressRule", "Label", "Taint")
"""Structs that lists have pointers to: a null item stays null."""

_ZERO = {"string": "", "bool": False, "float64": 0.0}
_TIME = r"(?a)(.{10})T(\d+):(\d\d):(\d\d)[.,]?\d*(?:Z|([-+])(\d\d):(\d\d))\Z"
_NANO = 10**9


def tarmak_output(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data that Tarmak writes for a file with that typed data (`decode`); NOW where it uses the time of reading.
    Equal quantities have the same text here; Tarmak may keep another spelling."""
    head = {"apiVersion": API_VERSION, "kind": KIND}  # in these spellings, whatever the file contains
    return {**tarmak_json(defaulted(data)), **head}


def tarmak_json(data: Any, field: Field | None = None) -> Any:
    """The JSON of typed data, without defaults; `field` is the type of the data, by default that of a whole file."""
    field = field or root_field()
    if field.kind == "struct":
        json: dict[str, Any] = {}
        for key, of in field.fields.items():
            value = (data or {}).get(key)
            is_pointer = of.is_pointer or of.kind == "struct"
            if of.struct not in _EMBEDDED and value is None:
                json |= {key: None if is_pointer else _ZERO.get(of.kind)} if of.is_always else {}
            elif value or is_pointer or of.is_always:
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
