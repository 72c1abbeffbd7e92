"""How a release of the authenticator is built, from its module."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.e2e.golang import module_source, run
from tests.e2e.kubernetes_builds import old_requirements

__all__ = ["PACKAGE", "daemon_workspace"]

PACKAGE = "./cmd/aws-iam-authenticator"
_KUBERNETES = "v1.15.12"
_MODULE = "sigs.k8s.io/aws-iam-authenticator"
_LOCKED = re.compile(r'^  name = "([^"]+)"\n(?:(?!\[\[).*\n)*?  version = "(v[^"]+)"$', re.MULTILINE)
_MORE = {
    "github.com/christopherhein/go-version": "v0.0.0-20180807222509-fee8dd1f7c24",
    # The locked revision: it decodes the mappings, and newer ones decode more.
    "github.com/mitchellh/mapstructure": "v0.0.0-20170523030023-d0303fe80992",
}
_NOT_AS_LOCKED = ("k8s.io/client-go", "github.com/emicklei/go-restful", "github.com/gogo/protobuf")
"""Which belong to the modules of Kubernetes, and come with them."""


def daemon_workspace(work: Path, version: str) -> Path:
    """A copy of its source, to build in. Raises Missing."""
    source = work / "authenticator"
    shutil.copytree(module_source(_MODULE, version, work), source, ignore=shutil.ignore_patterns("vendor"))
    run(["chmod", "-R", "u+w", str(source)], work)
    if not (source / "go.mod").exists():
        lock = (source / "Gopkg.lock").read_text(encoding="utf-8")
        kubernetes = old_requirements(work, _KUBERNETES)
        (source / "go.mod").write_text(requirements_of(lock, kubernetes), encoding="utf-8")
    return source


def requirements_of(lock: str, kubernetes: str) -> str:
    """A go.mod for a release from before there were modules.

    What it locked by its release is taken so. Its other revisions no proxy serves: they are of the releases that the
    go.mod of Kubernetes has.
    """
    locked = {name: version for name, version in _LOCKED.findall(lock) if name not in _NOT_AS_LOCKED} | _MORE
    replaced = dict(re.findall(r"^\t(\S+) => (\S+ \S+)$", kubernetes, re.MULTILINE))
    replaced |= {name: f"{name} {version}" for name, version in locked.items()}
    lines = "".join(f"\t{name} => {replacement}\n" for name, replacement in sorted(replaced.items()))
    return f"module github.com/kubernetes-sigs/aws-iam-authenticator\n\ngo 1.16\n\nreplace (\n{lines})\n"
