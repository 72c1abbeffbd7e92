"""Access entries as a shell script that calls the AWS CLI."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from typing import Any

from tarmak_iam.mappings.access_entries import AccessEntry
from tarmak_iam.mappings.formats.access_entries import PRINCIPAL, as_data, policy_data
from tarmak_iam.text import escaped

_USAGE = 'cluster=${1:?"usage: sh FILE CLUSTER"}'


def write(entries: Iterable[AccessEntry], cluster_name: str, header: Iterable[str]) -> str:
    """For the cluster, or the one that the script is given if the name is empty."""
    lines = ["#!/bin/sh", *(f"# {line}" for line in header), "set -eu"]
    lines.append(f"cluster={shlex.quote(cluster_name)}" if cluster_name else _USAGE)
    return "\n".join([*lines, *(command for entry in entries for command in _commands(entry))]) + "\n"


def _commands(entry: AccessEntry) -> Iterator[str]:
    yield _command("create-access-entry", as_data(entry))
    for policy in entry.policies:
        yield _command("associate-access-policy", {PRINCIPAL: entry.principal, **policy_data(policy)})


def _command(name: str, parameters: dict[str, Any]) -> str:
    """The parameters as JSON: of an argument of its own the CLI would read `file://...` from a file, and commas as
    separators (https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html)."""
    text = escaped(json.dumps(parameters))
    return f'aws eks {name} --cluster-name "$cluster" --cli-input-json {shlex.quote(text)}'
