"""One login added to a kubeconfig that is edited by hand: what stays unchanged, by tool.

The AWS CLI asks EKS for the cluster's address. EKS does not know Tarmak clusters, so a local server answers instead.
"""

from __future__ import annotations

import difflib
import http.server
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edits import EXAMPLE, own_program
from tables import Cells, Table
from timing import program, timed
from tools import aws, kubectl

from tarmak_iam.document import Document

__all__ = ["KUBECONFIGS"]

TEXT = """\
# Ask #platform before you change the production entry.
apiVersion: v1
kind: Config
current-context: prod   # never change this by hand

clusters:
# the old data centre
- name: prod
  cluster: {server: "https://192.0.2.10", certificate-authority-data: LS0tLS1CRUdJTg==}  # until 2027
users:
- name: prod
  user:
    # rotated by the vault job
    token: not-a-real-token
contexts:
- context:
    cluster: prod
    user: prod
  name: prod
preferences: {}
"""
ADMIN = """\
apiVersion: v1
kind: Config
clusters:
- name: dev-cluster
  cluster: {server: "https://api.dev-cluster.k8s.example.com", certificate-authority-data: LS0tLS1CRUdJTg==}
users: []
contexts: []
"""
SERVER = "https://api.dev-cluster.k8s.example.com"
ROLE = "arn:aws:iam::111122223333:role/KubernetesAdmin"

Tool = Callable[[Path, Path], None]
"""Adds the login of dev-cluster to a kubeconfig; the second path is a working directory."""


def ours(file: Path, directory: Path) -> None:
    (directory / "tarmak.yaml").write_bytes(EXAMPLE.read_bytes())
    (directory / "dev-cluster").mkdir()
    (directory / "dev-cluster" / "kubeconfig").write_text(ADMIN)
    own_program("-c", str(directory), "kubeconfig", "--role", ROLE, "--merge", str(file))()


def by_kubectl(file: Path, directory: Path) -> None:
    del directory
    base = [str(kubectl()), "config", f"--kubeconfig={file}"]
    name = "dev-cluster"
    arguments = ["--exec-arg=token", "--exec-arg=-i", f"--exec-arg={name}", "--exec-arg=-r", f"--exec-arg={ROLE}"]
    version = "--exec-api-version=client.authentication.k8s.io/v1beta1"
    for words in (
        ["set-cluster", name, f"--server={SERVER}"],
        ["set-credentials", name, "--exec-command=aws-iam-authenticator", version, *arguments],
        ["set-context", name, f"--cluster={name}", f"--user={name}"],
    ):
        program([*base, *words])()


def by_aws(file: Path, directory: Path) -> None:
    with eks() as url:
        variables = {
            **os.environ,
            "AWS_ENDPOINT_URL_EKS": url,
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEKEY000001",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "HOME": str(directory),
        }
        words = ["eks", "update-kubeconfig", "--name", "dev-cluster", "--role-arn", ROLE, "--kubeconfig", str(file)]
        program([str(aws()), *words], variables)()


@contextmanager
def eks() -> Iterator[str]:
    arn = "arn:aws:eks:eu-west-1:111122223333:cluster/dev-cluster"
    cluster = {"arn": arn, "name": "dev-cluster", "status": "ACTIVE", "endpoint": SERVER}
    answer = json.dumps({"cluster": {**cluster, "certificateAuthority": {"data": "LS0tLS1CRUdJTg=="}}}).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def tools() -> dict[str, Tool]:
    found: dict[str, Tool] = {"tarmak-iam kubeconfig --merge": ours}
    if kubectl():
        found["kubectl config, three commands"] = by_kubectl
    if aws():
        found["aws eks update-kubeconfig"] = by_aws
    return found


def measure() -> Cells:
    return {name: row(tool) for name, tool in tools().items()}


def row(tool: Tool) -> list[str]:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "config"
        file.write_text(TEXT)
        file.chmod(0o600)
        (Path(directory) / "work").mkdir()
        ms, _ = timed(lambda: tool(file, Path(directory) / "work"))
        result = file.read_text()
    before, after = Document.parse(TEXT), Document.parse(result)
    kept = [comment.text for comment in after.comments]
    lost = sum(comment.text not in kept for comment in before.comments)
    switched = after.data["current-context"] != before.data["current-context"]
    gone = sum(line[:1] == "-" for line in list(difflib.ndiff(TEXT.splitlines(), result.splitlines())))
    return [
        f"{lost} of {len(before.comments)}",
        str(gone),
        "yes" if switched else "no",
        others(before, after),
        f"{ms:.0f} ms",
    ]


def others(before: Document, after: Document) -> str:
    """Whether the existing entries have the same meaning as before."""

    def entry(document: Document, kind: str) -> Any:
        return next((each for each in document.data[kind] if each["name"] == "prod"), None)

    kinds = ("clusters", "users", "contexts")
    return "yes" if all(entry(before, kind) == entry(after, kind) for kind in kinds) else "no"


KUBECONFIGS = Table(
    "kubeconfigs",
    "A login added to a kubeconfig that is edited by hand",
    "",
    ("comments lost", "existing lines changed", "context switched", "other entries unchanged", "time"),
    ("tarmak-iam kubeconfig --merge", "kubectl config, three commands", "aws eks update-kubeconfig"),
    measure,
)
