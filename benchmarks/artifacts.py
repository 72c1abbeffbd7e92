"""Artifacts by the number of mappings, for every backend, and a login merged into kubeconfigs of several sizes: a
mapping and a kilobyte should cost the same for any number of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from edits import EXAMPLE
from reviews import ENTRY

from tarmak_iam import TarmakConfig
from tarmak_iam.emit import manifests, yaml_bytes
from tarmak_iam.emit.kubeconfig import client_kubeconfig
from tarmak_iam.emit.kubeconfig_file import KubeconfigFile
from tarmak_iam.emit.kubeconfig_merge import merge_kubeconfig
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.installation import Installation
from tarmak_iam.kubeconfig import AdminKubeconfig

T = TypeVar("T")

__all__ = ["artifacts"]

BACKENDS = (["MountedFile"], ["EKSConfigMap"], ["CRD"], ["MountedFile", "EKSConfigMap", "CRD"])
ADMIN = AdminKubeconfig("https://127.0.0.1:40123", "LS0tLS1CRUdJTg==")
FOREIGN = """\
- name: other-{number}  # somebody else's
  user:
    exec: {{apiVersion: client.authentication.k8s.io/v1beta1, command: other, args: [token, "{number}"]}}
"""


def artifacts() -> None:
    _by_mappings()
    _by_kubeconfig()


def _by_mappings() -> None:
    print("manifests for mappings in            50        500       5000   (ms; the last by 5000 and 500, a mapping)")
    for backends in BACKENDS:
        took = []
        for count in (50, 500, 5000):
            text = "server:\n  mapRoles:\n" + "".join(ENTRY.format(number=number) for number in range(count))
            took.append(_timed(lambda text=text, backends=backends: _manifests(text, backends))[0])
        print(f"  {','.join(backends):27}" + "".join(f"{ms:10.0f} " for ms in took) + f"{took[2] / took[1] / 10:8.2f}")
    print()


def _manifests(mappings: str, backends: list[str]) -> bytes:
    made = _installation(Mappings.parse(mappings), backends=backends)
    return b"---\n".join(map(yaml_bytes, manifests(made)))


def _installation(mappings: Mappings | None = None, **settings: object) -> Installation:
    config = TarmakConfig.load(EXAMPLE)
    return Installation.of(config, config.current_cluster, mappings, None, settings, admin=ADMIN)


def _by_kubeconfig() -> None:
    wanted = client_kubeconfig(_installation())
    print("merging into a kubeconfig of")
    base = None
    for count in (0, 60, 600, 6000):
        text = "apiVersion: v1\nkind: Config\nusers:\n" + "".join(FOREIGN.format(number=n) for n in range(count))
        ms, _ = _timed(lambda text=text: merge_kubeconfig([KubeconfigFile.parse(text, "config")], wanted))
        kilobyte = ms / len(text) * 1000
        base = kilobyte if count == 60 else base
        print(f"{len(text) / 1000:10.1f} KB {ms:10.1f} ms" + (f"{kilobyte / base:8.2f} a KB" if base else ""))
    print()


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    begin = time.perf_counter()
    result = work()
    return (time.perf_counter() - begin) * 1000, result
