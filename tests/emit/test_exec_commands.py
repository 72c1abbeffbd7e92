"""What the commands of a kubeconfig print: tokens with the same signed headers, which the daemons take.

The AWS CLI signs offline, with credentials that nobody has.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.aws.regions import sts_host
from tarmak_iam.emit.kubeconfig import client_kubeconfig
from tarmak_iam.token import inspect_token, token_refusal
from tarmak_iam.token.inspection import Presigned, token_in
from tests.support import ROOT
from tests.support.installations import installation

KEY, SECRET_KEY = "AKIAEXAMPLEKEY000001", "base-secret"
REGIONS = {"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}
VERSIONS = ["v0.4.0", "v0.5.9", "v0.6.20", "v0.7.9"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """`tarmak-iam` is on the path, `aws` if this machine has it; nothing of the caller's own AWS settings."""
    own = tmp_path / "bin"
    own.mkdir()
    (own / "tarmak-iam").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m tarmak_iam "$@"\n')
    (own / "tarmak-iam").chmod(0o755)
    return {
        "PATH": f"{own}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_OUTPUT": "table",
    }


@pytest.fixture(params=["aws", "tarmak-iam"])
def command(request: pytest.FixtureRequest) -> str:
    if request.param == "aws" and shutil.which("aws") is None:
        pytest.skip("the AWS CLI is not installed")
    return str(request.param)


def printed(plugin: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
    variables = {item["name"]: item["value"] for item in plugin.get("env", ())}
    info = {"kind": "ExecCredential", "apiVersion": plugin["apiVersion"], "spec": {}}
    variables["KUBERNETES_EXEC_INFO"] = json.dumps(info)
    done = subprocess.run(
        [shutil.which(plugin["command"], path=environment["PATH"]) or "", *plugin["args"]],
        capture_output=True,
        check=True,
        env={**environment, **variables},
    )
    credential: dict[str, Any] = json.loads(done.stdout)
    return credential


@pytest.mark.sample(2)
@pytest.mark.parametrize("region", REGIONS)
def test_a_token_signs_the_cluster_id_and_is_accepted(command: str, region: str, environment: dict[str, str]) -> None:
    made = installation(exec=command, location=region, mappings=None)
    plugin = client_kubeconfig(made)["users"][0]["user"]["exec"]
    credential = printed(plugin, environment)
    assert (credential["kind"], credential["apiVersion"]) == ("ExecCredential", plugin["apiVersion"])

    now = datetime.now(timezone.utc)
    token = token_in(json.dumps(credential))
    url = Presigned.parse(token)
    assert url.signed_headers == ("host", "x-k8s-aws-id")
    assert url.host == sts_host(region)
    for version in VERSIONS:
        assert token_refusal(token, version, now=now, partition=REGIONS[region], region=region) is None
    found = inspect_token(token, now=now, partition=REGIONS[region], region=region)
    assert (found.sts_refusal, found.access_key_id, found.region) == (None, KEY, region)
