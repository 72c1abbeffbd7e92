"""Security advisories, tried with the authenticator's own code: releases with the flaw, and those in which it is fixed.

A program of tests/e2e/advisories is built with the packages of each release.
"""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.identity.advisories import advisories_of
from tarmak_iam.identity.releases import DaemonVersion
from tests.e2e.daemon_builds import daemon_workspace
from tests.e2e.golang import built_once

SOURCES = Path(__file__).parent / "advisories"
_METRICS = """
	"MODULE/pkg/metrics"
	"github.com/prometheus/client_golang/prometheus"
)

func init() { metrics.InitMetrics(prometheus.NewRegistry()) }"""
_VERIFIER = """package main

import (
	"MODULE/pkg/token"%s

func verifier() token.Verifier { return token.NewVerifier(%s) }
"""
_NO_DYNAMIC_FILE = "package main\n\nfunc mapped(string) interface{} { return nil }\n"


def _files(version: str) -> dict[str, str]:
    """The sources of the program. NewVerifier has had two arguments since v0.5.2, and three since v0.5.13."""
    release = DaemonVersion.parse(version)
    has_partition, has_region = map(release.has_key, ("server.partition", "server.dynamicfileUserIDStrict"))
    arguments = ', "aws"' * has_partition + ', "eu-west-1"' * has_region
    texts = {
        "main.go": (SOURCES / "main.go").read_text(encoding="utf-8"),
        "verifier.go": _VERIFIER % (_METRICS if has_partition else "\n)", f'"dev-cluster"{arguments}'),
        "dynamic.go": (SOURCES / "dynamic.go").read_text(encoding="utf-8") if has_region else _NO_DYNAMIC_FILE,
    }
    module = "sigs.k8s.io" if release.has_key("server.backendMode") else "github.com/kubernetes-sigs"
    return {name: text.replace("MODULE", f"{module}/aws-iam-authenticator") for name, text in texts.items()}


def ask(version: str, **given: list[str]) -> Any:
    """What a release answers, from its own code."""
    files = _files(version)

    def prepare(work: Path) -> Path:
        source = daemon_workspace(work, version)
        package = source / "cmd" / "advisories"
        package.mkdir()
        for name, text in files.items():
            (package / name).write_text(text, encoding="utf-8")
        return source

    program = built_once(f"advisories-of-{version}", "".join(files.values()), "./cmd/advisories", prepare)
    done = subprocess.run([program], input=json.dumps(given), capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def token(*more: str, signed: str = "host;x-k8s-aws-id") -> str:
    """The presigned URL of a token. The signature does not matter: STS here takes all of them."""
    when = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    parameters = (
        *("Action=GetCallerIdentity", "Version=2011-06-15", "X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Expires=60"),
        *("X-Amz-Credential=AKIAEVE%2F20260101%2Feu-west-1%2Fsts%2Faws4_request", f"X-Amz-Date={when}"),
        *(f"X-Amz-SignedHeaders={signed.replace(';', '%3B')}", "X-Amz-Signature=00", *more),
    )
    return f"https://sts.amazonaws.com/?{'&'.join(parameters)}"


def has(advisory_id: str, version: str) -> bool:
    return advisory_id in {advisory.id for advisory in advisories_of(DaemonVersion.parse(version))}


@pytest.mark.parametrize("version", ["v0.4.0", "v0.5.8", "v0.5.9", "v0.7.18"])
def test_a_parameter_that_is_there_twice(version: str) -> None:
    urls = [token(), token(signed="host"), token("x-amz-signedheaders=x-k8s-aws-id", signed="host")]
    plain, unsigned, twice = ask(version, tokens=urls)["tokens"]
    assert plain[0].startswith("accepted")
    assert unsigned == [
        "input token was not properly formatted: client did not sign the x-k8s-aws-id header in the pre-signed URL"
    ]
    is_open = any(outcome.startswith("accepted") for outcome in twice)
    assert is_open == has("aws-iam-authenticator#469", version)
    assert is_open or all("duplicate query parameter found" in outcome for outcome in twice)


@pytest.mark.parametrize("version", ["v0.5.8", "v0.5.9", "v0.7.18"])
def test_the_access_key_of_another(version: str) -> None:
    (twice,) = ask(version, tokens=[token("x-amz-credential=AKIAADMIN")])["tokens"]
    assert ("accepted AKIAADMIN" in twice) == has("CVE-2022-2385", version)


@pytest.mark.parametrize("version", ["v0.4.0", "v0.5.8"])
def test_malformed_parameters_and_redirects(version: str) -> None:
    malformed, redirected = ask(version, tokens=[token("Unknown=%zz"), token("X-Amz-Security-Token=redirected")])[
        "tokens"
    ]
    accepted = [each[0].startswith("accepted") for each in (malformed, redirected)]
    assert accepted == [has("aws-iam-authenticator#341", version)] * 2


@pytest.mark.parametrize("version", ["v0.6.20", "v0.7.18"])
@pytest.mark.parametrize("key", ["rolearn", "userarn"])
def test_a_malformed_arn_with_a_unique_id(version: str, key: str) -> None:
    malformed = ["garbage", *(f"{start}:aws:iam::111122223333:role/Dev" for start in ("ARN", " arn"))]
    arns = [*malformed, "arn:azure:iam::111122223333:role/Dev", "arn:aws:iam::111122223333:role/Ops"]
    kind = {"rolearn": "mapRoles", "userarn": "mapUsers"}[key]
    texts = [
        json.dumps({kind: [{"userid": "AROADEV", key: arn, "username": "dev", "groups": ["system:masters"]}]})
        for arn in ("", "arn:aws:iam::111122223333:role/team/Dev", *arns)
    ]
    none, right, *others = ask(version, dynamicFiles=texts)["dynamicFiles"]
    assert none == right == ["system:masters"]
    is_open = has("aws-iam-authenticator#1046", version)
    assert [each == ["system:masters"] for each in others] == [is_open] * 4 + [False]
