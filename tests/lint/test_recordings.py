"""Every recorded file that Tarmak reads: where its author would be surprised there is a finding, elsewhere none."""

from __future__ import annotations

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.lint import Subjects, check
from tests.support import GOLDEN, golden_json

pytestmark = pytest.mark.usefixtures("both_parsers")

# What surprises, with line and column of each finding.
SURPRISES: dict[str, list[str]] = {
    "anchor-merge-list": ["8:101 IAM008"],
    "anchor-merge-override": ["25:9 IAM033"],
    "anchor-merge": ["122:29 IAM041"],
    "api-all": ["134:29 IAM041"],
    "api-bad-cidr": ["118:36 IAM001", "118:50 IAM001"],
    "calico-bad": ["130:16 IAM044"],
    "dup-amazon": ["122:7 IAM032"],
    "dup-kubernetes": ["129:3 IAM032"],
    "env-missing": ["4:16 IAM043"],
    "json-case": ["16:11 IAM031"],
    "json-dup-amazon": ["17:11 IAM032"],
    "json-dup-switch": ["17:46 IAM032"],
    "key-initial-upper": ["118:7 IAM031", "119:9 IAM031"],
    "key-lower": ["117:5 IAM031"],
    "key-trailing-space": ["119:9 IAM031"],
    "key-unknown": ["120:9 IAM030", "121:7 IAM030", "130:5 IAM030"],
    "logs-bucket-hash": ["121:19 IAM009"],
    "logs-disabled-bad-interval": ["123:21 IAM007"],
    "logs-empty-map": ["120:30 IAM006"],
    "logs-enabled-null": ["124:11 IAM006"],
    "logs-interval-hex": ["125:21 IAM035"],
    "logs-key-case": ["120:9 IAM031"],
    "logs-public-not-public": ["121:11 IAM008"],
    "misplaced-apiserver": ["118:7 IAM031"],
    "misplaced-kubernetes-amazon": ["117:5 IAM031"],
    "multi-cluster-null": ["3:3 IAM003"],
    "multi-name-toplevel": ["4:3 IAM031"],
    "multi-no-name": ["3:3 IAM003", "9:17 IAM005"],
    "multi-same-name": ["17:11 IAM012", "35:11 IAM012", "151:11 IAM012", "169:11 IAM012", "266:11 IAM003"],
    "multidoc-broken-second": ["164:1 IAM034"],
    "provider-missing": ["149:13 IAM043"],
    "single-init-null": ["120:9 IAM036"],
    "single-init-tilde": ["120:9 IAM036"],
    "text-misindented": ["119:7 IAM031"],
    "version-old-disable": ["118:36 IAM001"],
    "version-quote": ["121:14 IAM001"],
    "version-v": ["121:14 IAM040"],
    "version-words-no-api": ["117:14 IAM040"],
    "version-words": ["121:14 IAM001"],
    "webhook-backslash": ["118:29 IAM004"],
    "webhook-blank": ["118:29 IAM004"],
    "webhook-block": ["118:29 IAM004"],
    "webhook-dollar": ["118:29 IAM004"],
    "webhook-folded": ["118:29 IAM042"],
    "webhook-hiera-interp": ["118:29 IAM004"],
    "webhook-init-on": ["118:29 IAM041"],
    "webhook-inject": ["118:29 IAM004"],
    "webhook-quote": ["118:29 IAM004"],
    "webhook-relative": ["118:29 IAM004"],
}

# Files that say what their author means.
PLAIN = (
    "anchor-scalar",
    "bool-anchored",
    "bool-next-line",
    "bool-no",
    "bool-off",
    "bool-on",
    "bool-public-yes",
    "bool-title",
    "bool-upper",
    "bool-y",
    "bool-yes",
    "comments-everywhere",
    "default-generated",
    "docs-snippet-dots",
    "flow-inner",
    "head-key-case",
    "json-bom",
    "json-doc-marker",
    "json-leading-blank",
    "json-plain",
    "key-quoted",
    "kubernetes-prometheus-off",
    "logs-both",
    "logs-bucket-date",
    "logs-enabled-yes",
    "logs-interval-exp",
    "logs-interval-misc",
    "logs-interval-plus",
    "multi-current-none",
    "multi-env",
    "single-amazon-empty",
    "single-apiserver-empty",
    "single-apiserver-null",
    "single-init-on",
    "single-kubernetes-null",
    "single-no-apiserver",
    "text-block-scalar",
    "text-cr-only",
    "text-crlf",
    "text-indent-one",
    "text-indented-lists",
    "text-mixed-eol",
    "text-no-newline-switch-last",
    "text-no-newline",
    "text-trailing-blanks",
    "timestamps",
    "version-default",
    "version-new",
    "version-pre",
    "webhook-hash",
    "webhook-init-false",
    "webhook-init-off",
    "webhook-null",
    "webhook-unicode",
)


def found(name: str) -> list[str]:
    config = TarmakConfig.parse((GOLDEN / "tarmak" / f"{name}.yaml").read_bytes())
    return [f"{each.place.line}:{each.place.column} {each.finding.id}" for each in check(Subjects(config))]


@pytest.mark.sample(36)
@pytest.mark.parametrize("name", SURPRISES)
def test_a_surprise_has_a_finding(name: str) -> None:
    assert found(name) == SURPRISES[name]


@pytest.mark.sample(36)
@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_file_has_none(name: str) -> None:
    assert found(name) == []


def test_no_recording_is_left_out() -> None:
    readable = {name for name, expected in golden_json("tarmak", "expected.json").items() if expected["read_ok"]}
    assert set(SURPRISES) | set(PLAIN) == readable
    assert not set(SURPRISES) & set(PLAIN)


@pytest.mark.parametrize(
    ("name", "place", "message"),
    [
        (
            "logs-bucket-int",
            "121:19",
            (
                "amazon.internalELBAccessLogs.bucket must be a string, not the "
                'number 123456789012; Tarmak rejects the whole file; put it in quotes: "123456789012"'
            ),
        ),
        (
            "bool-int1",
            "120:34",
            (
                "amazon.awsIAMAuthenticatorInit must be a boolean, not the number "
                "1; Tarmak rejects the whole file; write true or false"
            ),
        ),
        (
            "text-colon-no-space",
            "119:9",
            (
                "amazon must be a YAML mapping, not the string "
                '"awsIAMAuthenticatorInit:true"; Tarmak rejects the whole file; put a space after the colon'
            ),
        ),
        (
            "logs-scalar",
            "120:32",
            (
                "amazon.internalELBAccessLogs must be a YAML mapping, not the string "
                '"example-elb-logs"; Tarmak rejects the whole file; write its keys on the lines below'
            ),
        ),
        (
            "timestamps-bad",
            "152:22",
            'a time such as 2019-05-21T09:14:02Z, not the string "21 May 2019"; Tarmak rejects the whole file',
        ),
    ],
)
def test_what_tarmak_does_not_read_is_told_with_a_remedy(name: str, place: str, message: str) -> None:
    with pytest.raises(TarmakIamError) as caught:
        found(name)
    assert str(caught.value).startswith(f"tarmak.yaml:{place}: ")
    assert str(caught.value).endswith(message)
