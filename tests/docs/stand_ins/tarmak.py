"""A stand-in of tarmak: clusters in files, its admin kubeconfig, and the commands that rewrite tarmak.yaml."""

from __future__ import annotations

import base64
import os
import re
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tarmak_iam import Cluster, TarmakConfig, TarmakIamError, yaml_bytes
from tarmak_iam.hook.tarmak.arguments import TarmakCall
from tests.docs.stand_ins.cloud import Cloud
from tests.support import fake_tarmak as fake
from tests.support.admin_certificates import authority, certificate, key_pem, tarmaks_kubeconfig


def main(arguments: list[str]) -> int:
    call = TarmakCall.parse(arguments)
    directory = call.directory(os.environ)
    path = directory / "tarmak.yaml"
    try:
        match call.command:
            case ("clusters", "apply"):
                _apply(_cluster(call, directory), directory)
            case ("clusters", "kubeconfig"):
                return _kubeconfig(_cluster(call, directory), directory)
            case _ if call.rewrites:
                path.write_bytes(yaml_bytes(_ordered(_changed(call, fake.rewrite_of(path.read_bytes())))))
            case _:
                return _fail(f"the stand-in does not know {' '.join(arguments)}")
    except TarmakIamError as error:
        return _fail(error.message)
    return 0


def _cluster(call: TarmakCall, directory: Path) -> Cluster:
    config = TarmakConfig.load(directory)
    cluster = config.cluster(call.cluster_name) if call.cluster_name else config.current_cluster
    errors = cluster.effective()["errors"]
    if errors:
        raise TarmakIamError("; ".join(errors))
    return cluster


def _apply(cluster: Cluster, directory: Path) -> None:
    _log(f"applying cluster {cluster.cluster_name}")
    Cloud.here().make(cluster)
    _admin(cluster, directory)
    _log("all instances have converged")


def _kubeconfig(cluster: Cluster, directory: Path) -> int:
    if Cloud.here().cluster(cluster.cluster_name) is None:
        return _fail("unable to connect to the API server: the cluster has not been applied")
    print(f"KUBECONFIG={_admin(cluster, directory)}")
    return 0


def _admin(cluster: Cluster, directory: Path) -> Path:
    """The admin's kubeconfig; one with a certificate stays, and one without keeps its server."""
    path = directory / cluster.cluster_name / "kubeconfig"
    before = path.read_text() if path.exists() else ""
    if "client-certificate-data" not in before:
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o600)
        found = re.search(r"server: (\S+)", before)
        server = found[1] if found else f"https://api.{cluster.cluster_name}.k8s.example.com"
        path.write_bytes(yaml_bytes(_kubeconfig_of(cluster.cluster_name, server)))
    return path


def _kubeconfig_of(name: str, server: str) -> dict[str, Any]:
    """With what Vault signs: a certificate of the admin for a year, and the CA."""
    today = date.today()
    own = certificate(str(today), str(today + timedelta(days=365)))
    ca, client, key = (base64.b64encode(pem).decode() for pem in (authority(), own, key_pem()))
    user = {"client-certificate-data": client, "client-key-data": key}
    return tarmaks_kubeconfig(name, server, ca, user)


def _changed(call: TarmakCall, data: Any) -> Any:
    """What the commands change that write tarmak.yaml anew; those that ask for a name are told `new`."""
    match call.command:
        case ("clusters", "set-current"):
            return fake.set_current(data, call.arguments[0])
        case ("environments", "destroy"):
            return fake.destroy_environment(data, call.arguments[0])
        case ("clusters", "init"):
            return fake.add(data, "clusters", fake.new_cluster("dev", "new"))
        case ("environments", "init"):
            return fake.add(data, "environments", fake.new_environment("new"))
    return fake.add(data, "providers", fake.new_provider("new"))


def _ordered(data: Any) -> Any:
    """With keys in the order of their names, as tarmak writes them."""
    if isinstance(data, dict):
        return {key: _ordered(data[key]) for key in sorted(data)}
    return [_ordered(item) for item in data] if isinstance(data, list) else data


def _log(text: str) -> None:
    sys.stderr.write(f"INFO[0000] {text}\n")
    sys.stderr.flush()


def _fail(text: str) -> int:
    sys.stderr.write(f"FATA[0000] {text}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
