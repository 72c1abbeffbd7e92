"""Tarmak's defaults for a whole tarmak.yaml, as its scheme fills them in when it reads the file.

Source: SetDefaults_* in pkg/apis/cluster/v1alpha1/defaults.go and pkg/apis/tarmak/v1alpha1/defaults.go.
Go's zero value and nothing are the same here, except for pointers and for lists: an empty list is one that is given.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from tarmak_iam.config.amazon import AMAZON
from tarmak_iam.config.versions import DEFAULT_KUBERNETES

__all__ = ["NOW", "defaulted", "with_log_defaults"]

NOW = "<NOW>"
"""Stands for the time at which Tarmak reads the file; no time that a file may hold looks like it."""

_Object = dict[str, Any]

_FIRST_PROXY_PORT = 9200


def defaulted(data: Mapping[str, Any]) -> _Object:
    """A file's typed meaning (`decode`) with Tarmak's defaults; a creation time that it sets anew is NOW."""
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


def with_log_defaults(cluster: Mapping[str, Any]) -> _Object:
    """`kubernetes.apiServer` of a cluster that has one, with the defaults of its access logs."""
    api_server = copy.deepcopy(dict(cluster["kubernetes"]["apiServer"]))
    amazon = AMAZON.read(cluster)
    if amazon is not None:
        amazon = AMAZON.defaults(amazon)
        for name in ("publicELBAccessLogs", "internalELBAccessLogs"):
            log = getattr(amazon, name)
            if log is not None:
                api_server["amazon"][name] |= {"enabled": log.enabled, "interval": log.interval}
    return api_server


def _default_cluster(cluster: _Object) -> None:
    _stamp(cluster)
    _fill(cluster.setdefault("network", {}), "cidr", "10.99.0.0/16")
    kubernetes = cluster.setdefault("kubernetes", {})
    _fill(kubernetes, "version", DEFAULT_KUBERNETES)
    _fill(kubernetes, "zone", "cluster.local")
    _fill(kubernetes, "podCIDR", "100.64.0.0/16")
    _fill(kubernetes, "serviceCIDR", "10.254.0.0/16")
    kubernetes.setdefault("clusterAutoscaler", {}).setdefault("scaleDownUtilizationThreshold", 0.5)
    for name in ("tiller", "dashboard"):
        kubernetes.setdefault(name, {})
    for name in ("heapster", "grafana", "influxDB"):  # without `enabled` they are off, where the block is given
        kubernetes.setdefault(name, {"enabled": True})
    calico = kubernetes.setdefault("calico", {})
    _fill(calico, "backend", "etcd")
    if calico.get("enableTypha"):
        calico.setdefault("typhaReplicas", 1)
    if "apiServer" in kubernetes:
        kubernetes["apiServer"] = with_log_defaults(cluster)
    amazon = cluster.setdefault("amazon", {})
    amazon.setdefault("ebsEncrypted", False)
    amazon.setdefault("additionalIAMPolicies", [])
    _default_sinks(cluster.setdefault("loggingSinks", []))
    cluster.setdefault("vaultHelper", {})


def _default_sinks(sinks: list[_Object]) -> None:
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
    """The first that no sink has: Tarmak gives them out one after the other."""
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
    """For what is no pointer: empty text, 0 and nothing all take the default."""
    if not item.get(key):
        item[key] = value


def _items(parent: _Object, key: str) -> Iterator[_Object]:
    """The items of a list of structs; one that is null is an empty struct, and becomes one."""
    items = parent.get(key) or []
    for index, item in enumerate(items):
        if item is None:
            items[index] = {}
        yield items[index]
