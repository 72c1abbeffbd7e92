"""etcd and kube-apiserver on loopback, with the flags that tarmak-iam made."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.e2e import components
from tests.e2e.processes import free_port, running
from tests.support.admin_certificates import tarmaks_kubeconfig
from tests.support.certificates import Authority, Pair

__all__ = ["CLUSTER", "LONG", "SHORT", "ControlPlane", "Done", "admin_kubeconfig", "control_plane"]

CLUSTER = "dev-cluster"
_ISSUER = "https://kubernetes.default.svc"
SHORT = {"GOGC": "off", "LC_MESSAGES": "fr_FR.UTF-8"}
"""For the environment of Go programs that end soon, such as kubectl: collecting garbage takes a fifth of their time,
and a third of kubectl's goes into reading its English messages. Of French ones it has six, of `kubectl config` and
`kubectl get --watch`, and reads no other."""
LONG = {"GOGC": "off", "GOMEMLIMIT": "600MiB"}
"""For that of those that run on: with more memory they take less of the processor."""

_GROUPS = {"apis/apps/v1": ("daemonsets",), "apis/coordination.k8s.io/v1": ("leases",)}
"""Of the kinds in the tests; all others are of the core group."""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """On both streams."""
        return self.out + self.err


@dataclass(frozen=True)
class ControlPlane:
    server: str
    ca: bytes
    directory: Path
    version: str
    """Of its Kubernetes."""

    etcd: str = ""
    """Where its store answers."""

    @property
    def is_server_side(self) -> bool:
        """Whether it knows server-side apply, and with it who has set which field: from 1.16 on."""
        return _minor(self.version) >= 16

    @property
    def knows_whoami(self) -> bool:
        """Whether everybody may ask who they are: from 1.28 on by default."""
        return _minor(self.version) >= 28

    @property
    def admin(self) -> Pair:
        """The admin's client certificate, of system:masters, and its key."""
        return Pair(self.directory / "admin.crt", self.directory / "admin.key")

    @property
    def admin_kubeconfig(self) -> str:
        return admin_kubeconfig(self.server, self.ca, self.admin)

    def kubeconfig(self, token: str) -> str:
        """That of a service account."""
        return _kubeconfig(self.server, self.ca, {"token": token})

    def kubectl(
        self,
        *args: str | Path,
        text: str = "",
        kubeconfig: Path | None = None,
        more: Mapping[str, str] | None = None,
        release: str = components.KUBERNETES,
    ) -> Done:
        """As the administrator, or with a kubeconfig and an environment of its own; of any release."""
        kubeconfig = kubeconfig or self.directory / "admin.kubeconfig"
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "KUBECONFIG": str(kubeconfig), **SHORT}
        done = subprocess.run(
            [components.program("kubectl", release), *args],
            input=text,
            capture_output=True,
            text=True,
            env=environment | dict(more or {}),
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def ask(self, path: str, *, method: str = "GET", body: object = None) -> Any:
        """What the API server answers the administrator: for loops, in which a kubectl each time would take most of a
        processor. None where there is nothing; a patch is a merge patch."""
        media = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Content-Type": media} if body is not None else {}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.server}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60, context=self._as_admin) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def object(self, kind: str, name: str, *, method: str = "GET", body: object = None) -> Any:
        """As `ask`, of an object in kube-system; the kind as in the paths of the API, for example `configmaps`."""
        group = next((group for group, kinds in _GROUPS.items() if kind in kinds), "api/v1")
        return self.ask(f"/{group}/namespaces/kube-system/{kind}/{name}", method=method, body=body)

    @cached_property
    def _as_admin(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.ca.decode())
        context.load_cert_chain(self.admin.certificate, self.admin.key)
        return context

    @contextmanager
    def rolling_out(self, name: str) -> Iterator[None]:
        """Stands in for the DaemonSet controller, which is not there: every master has the pod at once."""
        counts = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady")
        status = {"observedGeneration": 1000, "currentNumberScheduled": 1, "numberMisscheduled": 0}
        patch = {"status": {**status, **dict.fromkeys(counts, 1)}}
        over = threading.Event()

        def control() -> None:
            while not over.wait(0.5):
                with suppress(OSError):  # a later one is enough
                    self.object("daemonsets", f"{name}/status", method="PATCH", body=patch)

        thread = threading.Thread(target=control)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def apply(self, objects: Sequence[Mapping[str, Any]]) -> list[Any]:
        """As the administrator, custom resources once there is what defines them; the objects as they are then."""
        definitions = [each for each in objects if each["kind"] == "CustomResourceDefinition"]
        if definitions:
            self._apply(definitions)
            wait = ("wait", "--for=condition=Established", "--timeout=600s")
            done = self.kubectl(*wait, *(f"crd/{each['metadata']['name']}" for each in definitions))
            assert done.code == 0, done.err
        return self._apply(objects)

    def _apply(self, objects: Sequence[Mapping[str, Any]]) -> list[Any]:
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        side = ("--server-side", "--field-manager=tarmak-iam") if self.is_server_side else ()
        done = self.kubectl("apply", *side, "--validate=strict", "-o", "json", "-f", "-", text=listed)
        assert done.code == 0, done.err
        made = json.loads(done.out)
        return list(made["items"]) if made["kind"] == "List" else [made]

    def reviewed(self, token: str) -> dict[str, Any]:
        """The status of a TokenReview."""
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        return dict(self.ask("/apis/authentication.k8s.io/v1/tokenreviews", method="POST", body=asked)["status"])

    def service_account_token(self, name: str) -> str:
        """As the kubelet asks for one; `kubectl create token` is newer than some API servers' answer to it."""
        path = f"/api/v1/namespaces/kube-system/serviceaccounts/{name}/token"
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": [_ISSUER]}}
        return str(self.ask(path, method="POST", body=asked)["status"]["token"])


def admin_kubeconfig(server: str, ca: bytes, admin: Pair) -> str:
    """One in the form of Tarmak's own."""
    certificate, key = (_encoded(each.read_bytes()) for each in (admin.certificate, admin.key))
    return _kubeconfig(server, ca, {"client-certificate-data": certificate, "client-key-data": key})


def _kubeconfig(server: str, ca: bytes, user: Mapping[str, str]) -> str:
    return json.dumps(tarmaks_kubeconfig(CLUSTER, server, _encoded(ca), user))


@contextmanager
def control_plane(
    directory: Path, flags: Sequence[str], version: str = components.KUBERNETES
) -> Iterator[ControlPlane]:
    """`flags` are those of the webhook. Skips where a component of that release is not built."""
    components.needed(components.program("etcd"), components.program("kube-apiserver", version))
    authority = Authority(directory, "kubernetes")
    serving = authority.server("apiserver", "127.0.0.1", "localhost")
    accounts = authority.key_pair("service-accounts")
    authority.client("admin", "system:masters")
    etcd_port, peer_port, port = free_port(), free_port(), free_port()
    etcd_url, peer_url = f"http://127.0.0.1:{etcd_port}", f"http://127.0.0.1:{peer_port}"
    etcd: list[str | Path] = [
        components.program("etcd"),
        f"--data-dir={directory / 'etcd'}",
        f"--listen-client-urls={etcd_url}",
        f"--advertise-client-urls={etcd_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--unsafe-no-fsync",
    ]
    apiserver: list[str | Path] = [
        components.program("kube-apiserver", version),
        f"--etcd-servers={etcd_url}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--service-account-issuer={_ISSUER}",
        f"--service-account-key-file={accounts.certificate}",
        f"--service-account-signing-key-file={accounts.key}",
        "--service-cluster-ip-range=10.254.0.0/16",
        f"--client-ca-file={authority.path}",
        "--authorization-mode=Node,RBAC",
        # Up to 1.19 it would listen without any authentication besides.
        *(("--insecure-port=0",) if _minor(version) < 20 else ()),
        *flags,
    ]
    plane = ControlPlane(f"https://127.0.0.1:{port}", authority.pem, directory, version, etcd_url)
    (directory / "admin.kubeconfig").write_text(plane.admin_kubeconfig)
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), **LONG}
    with (
        running(etcd, directory / "etcd.log", environment, directory) as store,
        running(apiserver, directory / "kube-apiserver.log", environment, directory) as api,
    ):
        store.wait_until(lambda: _answers(f"{etcd_url}/health"))
        # /readyz came in 1.16; /healthz knows of the start's hooks too.
        api.wait_until(lambda: _answers(f"{plane.server}/healthz", plane._as_admin))
        # An old one answers before it has made its namespaces.
        api.wait_until(lambda: bool(plane.ask("/api/v1/namespaces/default")))
        yield plane


def _minor(version: str) -> int:
    return int(version.split(".")[1])


def _answers(url: str, context: ssl.SSLContext | None = None) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5, context=context) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
