"""Releases: which of them exist, which were read, what each has, and all of it in words."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tarmak_iam.aws.arn import PARTITIONS
from tarmak_iam.identity import Authenticator, releases, whois
from tarmak_iam.identity.releases import (
    DEFAULT_RELEASE,
    DaemonVersion,
    ReleaseFeature,
    known_partitions,
    known_releases,
    published_tags,
    recorded_items,
    spans_text,
)
from tests.support import PACKAGE, golden_json
from tests.support.tables import rows

FILE: dict[str, Any] = json.loads((PACKAGE / "identity" / "versions.json").read_text(encoding="utf-8"))
# Read off the source by hand.
NOT_RECORDED = {
    "DynamicFile: LastUpdatedDateTime and Version are read, as strings",
    "an entry with an invalid ARN is logged and ignored",
    "DynamicFile: ARN of an entry found by its unique id is compared (userIDStrict)",
    "DynamicFile: ARN of an entry found by its unique id is compared without case",
    "DynamicFile: a malformed ARN of an entry found by its unique id matches no caller",
    "EC2 is queried with the AWS SDK for Go v2 (describing role, stsCfg.HTTPClient)",
    "cast.ToBool reads every number (cast v1.6.0 and later)",
    "STS host of the own region taken",
    "STS host of the own region taken in a partition without listed hosts",
    "compared with strings.EqualFold (ARNs of mappings, the signed header)",
    "names: a character of a-z or 0-9 wanted (DNS pattern without anchors)",
    *(f"partition {name}" for name in PARTITIONS),
    "reservedPrefixConfig counts for EKSConfigMap and CRD",
    "server.ec2DescribeInstancesRoleARN is parsed at the start",
    "times of tokens are checked, X-Amz-Expires up to 900",
    "users: templates rendered",
    "webhook kubeconfig of init has comments",
    "yaml.v2 v2.2.2",
}


def release(text: str) -> DaemonVersion:
    return DaemonVersion.parse(text)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("flag server --bind (-b)", "v0.4.0"),
        ("sso: field in RoleMapping", "v0.6.0 to v0.6.1, v0.6.30 to v0.6.31, v0.7.1 and later"),
        ("STS host list per partition", "v0.5.2 to v0.5.27, v0.6.0 to v0.6.31, v0.7.1 to v0.7.4"),
    ],
)
def test_spans(item: str, text: str) -> None:
    assert spans_text(item) == text


def test_the_table_is_what_was_read_off_the_tags() -> None:
    """Of releases that are newer than the recording, nothing is compared."""
    recorded = golden_json("authenticator", "versions.json")
    newest = max(release(last) for spans in recorded.values() for _, last in spans)
    read = [version for version in known_releases() if version <= newest and not version.unread]
    items = {item for item in recorded_items() if any(version.has_item(item) for version in read)}
    assert items - set(recorded) == NOT_RECORDED
    for item in items - NOT_RECORDED:
        spans = [(release(first), release(last)) for first, last in recorded[item]]
        expected = [version for version in read if any(first <= version <= last for first, last in spans)]
        assert [version for version in read if version.has_item(item)] == expected, item


@pytest.mark.parametrize("feature", ReleaseFeature)
def test_a_feature_is_an_item(feature: ReleaseFeature) -> None:
    assert feature.value in recorded_items()
    assert DEFAULT_RELEASE.has(feature) is DEFAULT_RELEASE.has_item(feature.value)


def test_items_of_families() -> None:
    version = release("v0.5.0")
    assert (version.has_flag("server --bind (-b)"), version.has_flag("server --backend-mode")) == (False, True)
    assert (version.has_key("server.backendMode"), version.has_key("server.partition")) == (True, False)
    assert (version.has_template("SessionName"), version.has_template("AccessKeyID")) == (True, False)
    assert (version.has_gate("IAMIdentityMappingCRD"), version.has_gate("SSORoleMatch")) == (True, False)
    assert (version.has_viper("v1.4.0"), version.has_viper("v1.7.0", "v1.19.0")) == (True, False)
    assert (version.accepts_backend("File"), version.accepts_backend("MountedFile")) == (True, False)
    with pytest.raises(KeyError):
        version.has_flag("server --nothing")


def test_nothing_that_is_still_there_has_an_end() -> None:
    """Or a release that changes nothing would be more than one line."""
    last = {line["last"] for line in FILE["lines"]} | {line.get("read") for line in FILE["lines"]}
    hosts = json.loads((PACKAGE / "identity" / "sts-hosts.json").read_text(encoding="utf-8"))
    tables = [FILE["items"], *hosts.values()]
    ends = [span for table in tables for spans in table.values() for span in spans if len(span) == 2]
    assert [span for span in ends if span[1] in last and span[0] != span[1]] == []


def test_nothing_begins_after_the_last_release_that_was_read() -> None:
    """Or it would silently not count: a release that was not read is taken for the last one before it that was."""
    hosts = json.loads((PACKAGE / "identity" / "sts-hosts.json").read_text(encoding="utf-8"))
    tables = [FILE["items"], *hosts.values()]
    firsts = {span[0] for table in tables for spans in table.values() for span in spans}
    lines = [(release(line["first"]), release(line.get("read", line["last"]))) for line in FILE["lines"]]
    assert [each for each in firsts if not any(first <= release(each) <= read for first, read in lines)] == []


@pytest.fixture
def _lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Release lines of which the newest has releases that were not read, whether that is so now or not."""
    texts = ("v0.1.0 v0.4.0 v0.4.0", "v0.5.0 v0.5.27 v0.5.27", "v0.6.0 v0.6.31 v0.6.31", "v0.7.1 v0.7.18 v0.7.21")
    recorded_items()  # with their real ends
    lines = tuple(releases._ReleaseLine(*map(release, text.split())) for text in texts)
    monkeypatch.setattr(releases, "_RELEASE_LINES", lines)
    monkeypatch.setattr(releases, "NEWEST", release("v0.7.21"))
    monkeypatch.setattr(releases, "NEWEST_READ", release("v0.7.18"))
    DaemonVersion.has_item.cache_clear()
    yield
    DaemonVersion.has_item.cache_clear()


@pytest.mark.parametrize(("version", "partitions"), rows(__file__, "test_the_partitions_of_parallel_lines"))
def test_the_partitions_of_parallel_lines(version: str, partitions: str) -> None:
    assert " ".join(known_partitions(release(version))) == partitions


@pytest.mark.parametrize(
    ("version", "known", "unread"), rows(__file__, "test_what_is_assumed_of_a_release_that_was_not_read")
)
@pytest.mark.usefixtures("_lines")
def test_what_is_assumed_of_a_release_that_was_not_read(version: str, known: str, unread: str) -> None:
    parsed = release(version)
    assert (str(parsed.known), parsed.unread) == (known, unread)
    notes = (f"{parsed} {unread}; this is the answer of {known}",) if unread else ()
    assert Authenticator.load("clusterID: x\n", version=version).notes == notes


def test_the_default_release_was_read_and_tried_and_is_published() -> None:
    assert not DEFAULT_RELEASE.unread
    assert DEFAULT_RELEASE.has(ReleaseFeature.SSO_ENTRIES)  # guards recommend it for them
    assert str(DEFAULT_RELEASE) in FILE["tried"]
    assert DEFAULT_RELEASE in published_tags()
    assert inspect.signature(whois).parameters["version"].default == str(DEFAULT_RELEASE)
    assert inspect.signature(Authenticator.load).parameters["version"].default == str(DEFAULT_RELEASE)
    cases = golden_json("authenticator", "mapping.json")["cases"]
    assert max(DaemonVersion.parse(each) for case in cases for each in case["expected"]) == DEFAULT_RELEASE
