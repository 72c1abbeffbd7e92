"""Artifacts by number of mappings, for every backend, and a login merged into kubeconfigs of several sizes: the time
per mapping and per kilobyte should be constant."""

from __future__ import annotations

from functools import partial

from edits import EXAMPLE
from reviews import ENTRY
from tables import Cells, Table
from timing import timed

from tarmak_iam import TarmakConfig
from tarmak_iam.emit import manifests, yaml_bytes
from tarmak_iam.emit.kubeconfig import client_kubeconfig
from tarmak_iam.installation.admin_kubeconfig import AdminKubeconfig
from tarmak_iam.installation.installation import Installation
from tarmak_iam.kubeconfig.merge import KubeconfigFile, merge_kubeconfig
from tarmak_iam.mappings.mappings_file import Mappings

__all__ = ["MANIFESTS", "MERGES"]

COUNTS = (50, 500, 5000)
ENTRIES = (60, 600, 6000)
BACKENDS = (["MountedFile"], ["EKSConfigMap"], ["CRD"], ["MountedFile", "EKSConfigMap", "CRD"])
ADMIN = AdminKubeconfig("https://127.0.0.1:40123", "LS0tLS1CRUdJTg==")
OTHER_USER = """\
- name: other-{number}  # not managed by tarmak-iam
  user:
    exec: {{apiVersion: client.authentication.k8s.io/v1beta1, command: other, args: [token, "{number}"]}}
"""


def by_mappings() -> Cells:
    cells = {}
    for backends in BACKENDS:
        took = []
        for count in COUNTS:
            text = "server:\n  mapRoles:\n" + "".join(ENTRY.format(number=number) for number in range(count))
            took.append(timed(partial(_manifests, text, backends))[0])
        cells[", ".join(backends)] = [*(f"{ms:.0f} ms" for ms in took), f"{took[2] / took[1] / 10:.2f}"]
    return cells


def _manifests(mappings: str, backends: list[str]) -> bytes:
    made = _installation(Mappings.parse(mappings), backends=backends)
    return b"---\n".join(map(yaml_bytes, manifests(made)))


def _installation(mappings: Mappings | None = None, **settings: object) -> Installation:
    config = TarmakConfig.load(EXAMPLE)
    return Installation.of(config, config.current_cluster, mappings, None, settings, admin=ADMIN)


def by_kubeconfig() -> Cells:
    wanted = client_kubeconfig(_installation())
    cells = {}
    base = None
    for count in ENTRIES:
        text = "apiVersion: v1\nkind: Config\nusers:\n" + "".join(OTHER_USER.format(number=n) for n in range(count))
        merge = partial(merge_kubeconfig, [KubeconfigFile.parse(text, "config")], wanted)
        merge()  # what is imported and compiled once
        ms, _ = timed(merge)
        base = base or ms / len(text)
        cells[f"{count} entries"] = [f"{len(text) / 1000:.0f} KB", f"{ms:.0f} ms", f"{ms / len(text) / base:.2f}"]
    return cells


MANIFESTS = Table(
    "manifests",
    "All objects by number of mappings; the last column is the time per mapping with 5000 mappings, relative to 500",
    "",
    ("50", "500", "5000", "per mapping"),
    tuple(", ".join(backends) for backends in BACKENDS),
    by_mappings,
)
MERGES = Table(
    "merges",
    "A login merged into a kubeconfig, by its size; last column: the time per kilobyte, relative to the first row",
    "",
    ("size", "time", "per kilobyte"),
    tuple(f"{count} entries" for count in ENTRIES),
    by_kubeconfig,
)
