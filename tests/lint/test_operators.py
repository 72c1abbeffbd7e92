"""Configurations as operators write them, all of them correct: no finding, and the access that they say.

tests/lint/operators/NAME is a directory of Tarmak with the files of its clusters, and access.yaml says who gets what
there. `grants` is by cluster and principal the username and its groups as they are written in the mappings, as
[USERNAME, GROUP...]; a cluster that is missing has no mappings. `callers` are [CLUSTER, ARN, USERNAME, [GROUP...]] with
templates filled in, null as the username of somebody who cannot log in.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.document import Document
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.model import Identity
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.installation.installation import Installation
from tests.support import Shell

OPERATORS = Path(__file__).with_name("operators")
ACCESS = "access.yaml"


def copied(case: str, target: Path) -> Path:
    """The case's directory as an operator has it, without what is expected of it."""
    return Path(shutil.copytree(OPERATORS / case, target / case, ignore=shutil.ignore_patterns(ACCESS)))


def grants_of(authenticator: Authenticator) -> dict[str, list[str]]:
    return {each.principal: [each.username, *each.groups] for each in authenticator.grants}


def caller(arn: str) -> Identity:
    account, session = arn.split(":")[4], arn.rpartition("/")[2]
    is_session = ":assumed-role/" in arn
    return Identity(arn, account, f"AROAEXAMPLE:{session}" if is_session else "AIDAEXAMPLE", "ASIAEXAMPLE")


@pytest.mark.sample(30)
@pytest.mark.parametrize("case", sorted(path.name for path in OPERATORS.iterdir()))
def test_correct_files(case: str, tmp_path: Path, shell: Shell) -> None:
    directory = copied(case, tmp_path)
    assert shell.run("-c", directory, "check", "--all-clusters").out == ""
    access: Any = Document.parse((OPERATORS / case / ACCESS).read_bytes(), ACCESS).data
    config, made = TarmakConfig.load(directory), {}
    for cluster in config.selectable_clusters:
        installation = Installation.load(config, cluster, ClusterFiles.of(config, cluster))
        if installation.mappings is not None:
            made[cluster.cluster_name] = installation
    assert {name: grants_of(each.loaded) for name, each in made.items()} == access["grants"]
    for name, arn, username, groups in access.get("callers", ()):
        answer = made[name].loaded.whois(caller(arn))
        assert (answer.username, answer.groups or []) == (username, groups), arn
    # `payloads` refuses what would come to something else; its configuration is what the pods have.
    for name, each in made.items():
        text = each.payloads.config
        if "MountedFile" in each.settings.backends:
            version, args = str(each.daemon_version), each.daemon.of_file.args
            loaded = Authenticator.load(text, version=version, cluster_id=name, args=args)
            assert grants_of(loaded) == access["grants"][name]
