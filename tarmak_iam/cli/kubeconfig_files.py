"""Which kubeconfigs kubectl reads, and which of them it would write something new to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tarmak_iam.errors import ConfigError

__all__ = ["default_file", "kubectl_files"]


def kubectl_files(environment: Mapping[str, str]) -> list[Path]:
    """Those of the list KUBECONFIG, each once, else ~/.kube/config. An empty name in the list is passed over.

    Raises ConfigError for a list without any name: kubectl then reads no file at all.
    """
    listed = environment.get("KUBECONFIG", "")
    if not listed:
        return [Path.home() / ".kube" / "config"]
    names = list(dict.fromkeys(name for name in listed.split(os.pathsep) if name))
    if not names:
        raise ConfigError("KUBECONFIG names no file", remedy="unset it, or name the file: --merge FILE")
    return [Path(name) for name in names]


def default_file(exists: list[bool]) -> int:
    """The index of the file for new entries: the first that exists, else the last (client-go's PathOptions)."""
    return exists.index(True) if any(exists) else len(exists) - 1
