"""Configurations as operators write them, all of them correct: tests/lint/operators/NAME is a directory of Tarmak with
the files of its clusters, and access.yaml says who gets what there.

access.yaml: `grants` is by cluster and principal the username and its groups as they are written in the mappings, as
[USERNAME, GROUP...]; a cluster that is missing has no mappings. `callers` are [CLUSTER, ARN, USERNAME, [GROUP...]] with
templates filled in, null as the username of somebody who cannot log in.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tarmak_iam.config import TarmakConfig
from tarmak_iam.document import Document
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.installation.installation import Installation

__all__ = ["CASES", "Access", "access_of", "copied", "grants_of", "installations"]

_HOME = Path(__file__).with_name("operators")
_ACCESS = "access.yaml"

CASES = tuple(sorted(path.name for path in _HOME.iterdir()))


@dataclass(frozen=True)
class Access:
    grants: dict[str, dict[str, list[str]]]
    callers: list[tuple[str, str, str | None, list[str]]]


def access_of(case: str) -> Access:
    data: Any = Document.parse((_HOME / case / _ACCESS).read_bytes(), _ACCESS).data
    return Access(data["grants"], [tuple(each) for each in data.get("callers", ())])


def copied(case: str, target: Path) -> Path:
    """The case's directory as an operator has it, without what is expected of it."""
    return Path(shutil.copytree(_HOME / case, target / case, ignore=shutil.ignore_patterns(_ACCESS)))


def installations(directory: Path) -> dict[str, Installation]:
    """Every cluster of a directory that has mappings, by its name."""
    config = TarmakConfig.load(directory)
    found = {
        each.cluster_name: Installation.load(config, each, ClusterFiles.of(config, each))
        for each in config.selectable_clusters
    }
    return {name: each for name, each in found.items() if each.mappings is not None}


def grants_of(authenticator: Authenticator) -> dict[str, list[str]]:
    return {each.principal: [each.username, *each.groups] for each in authenticator.grants}
