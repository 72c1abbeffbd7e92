"""The commands that remedies about the image offer leave no finding about it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.findings import Finding
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.settings import parse_settings
from tarmak_iam.lint.image_rules import image_findings
from tests.lint.mapped import CONFIG

ECR = "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon/aws-iam-authenticator"
RELEASES = [None, "v0.4.0", "v0.5.2", "v0.5.3", "v0.6.26", "v0.7.9", "v0.6.31"]


def about_image(settings: str) -> list[Finding]:
    """Without the security flaws of old releases."""
    parsed = TarmakConfig.parse(CONFIG)
    made = Installation.of(parsed, parsed.clusters[0], None, parse_settings(settings)[0])
    # Two releases that differ are what has to be fixed first.
    return [] if made.release_conflict else [found for found in image_findings(made) if found.id != "IAM131"]


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.parametrize("tag", [None, "v0.4.0", "v0.5.2", "v0.5.3", "v0.6.26"])
def test_the_commands_leave_no_finding(version: str | None, tag: str | None) -> None:
    """As they are typed, over settings that name an image of upstream's, its registry, or both."""
    values: dict[str, Any] = {"registry": "ecr", "daemonVersion": version, "image": tag and f"{ECR}:{tag}"}
    text = "".join(f"{key}: {value}\n" for key, value in values.items() if value)
    for finding in about_image(text):
        for commands in re.findall(r": ((?:tarmak-iam settings [^(,]*[^(, ])+)", finding.remedy):
            after = dict(line.split(": ", 1) for line in text.splitlines())
            for words in (command.split() for command in commands.split(" && ")):
                if words[2] == "set":
                    after[words[3]] = words[4]
                else:
                    del after[words[3]]
            assert about_image("".join(f"{key}: {value}\n" for key, value in after.items())) == []
