"""How a file is recognised, and what cases/ do not show of an import."""

from __future__ import annotations

import pytest

from tarmak_iam.document.source import Source
from tarmak_iam.errors import ConfigError, ParseError, Place
from tarmak_iam.mappings.formats import FORMATS, conversion, read_mappings
from tarmak_iam.mappings.formats.foreign_file import LeftOut, Read
from tarmak_iam.mappings.merging import Wanted
from tests.mappings.formats.reports import lines, read
from tests.support import ROOT
from tests.support.tables import rows

KOPS = """\
apiVersion: kops.k8s.io/v1alpha2
kind: Cluster
spec: {authentication: {aws: {identityMappings: [{arn: arn:x, username: u}]}}}
---
apiVersion: kops.k8s.io/v1alpha2
kind: InstanceGroup
"""
EKSCTL = "iamIdentityMappings: [{arn: arn:x, username: u, noDuplicateARNs: true}, {account: '111122223333'}]\n"
CONFIG = "server:\n  mapUsers: [{userARN: arn:u, username: u, userid: AIDA}]\n"


def test_who_is_added_only_if_new_and_the_configuration_itself() -> None:
    assert [each.only_new for each in read_mappings(EKSCTL, "f").entries] == [True, False]
    config_map = f"kind: ConfigMap\ndata:\n  config.yaml: |\n    {CONFIG.replace(chr(10) + ' ', chr(10) + '     ')}"
    for text in (CONFIG, config_map):
        found = read_mappings(text, "f")
        assert ([each.user_id for each in found.entries], found.configuration) == (["AIDA"], CONFIG)


def test_what_is_said_of_an_entry_is_not_longer_than_a_message() -> None:
    assert LeftOut("a" * 500 + "b" * 501).what == "a" * 498 + "..." + "b" * 498


@pytest.mark.parametrize(("groups", "admin"), rows(__file__, "test_an_admin_who_is_left_out_is_named"))
def test_an_admin_who_is_left_out_is_named(groups: str, admin: str) -> None:
    (left_out,) = read_mappings(f"- {{arn: arn:x, username: 5, groups: {groups}}}\n", "f").left_out
    assert (left_out.what, left_out.admin) == ("arn:x: username must be a string; put it in quotes", admin)


def test_kops_without_the_section() -> None:
    text = "apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\nspec: {authentication: {kopeio: {}}}\n"
    with pytest.raises(
        ConfigError, match=r"^f:1:1: no mappings found: this is a kops Cluster without spec\.authentication"
    ):
        read_mappings(text, "f")
    assert read("spec: {authentication: {aws: {identityMappings: x}}}") == [
        "f.yaml:1:49: identityMappings must be a list"
    ]


def test_the_guide_names_every_format() -> None:
    page = (ROOT / "docs" / "guides" / "moving.md").read_text(encoding="utf-8").lower()
    assert [name for name in FORMATS if name not in page] == []


def test_a_format_that_is_not_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    def entries(lines: list[str]) -> Read:
        for number, line in enumerate(lines, 1):
            arn, _, username = line.partition(" = ")
            place = Place("f.tf", number, 1)
            yield Wanted(arn, username, place=place) if username else LeftOut(f"{arn} has no username", place)

    def read_text(data: bytes | str, filename: str) -> Read | None:
        lines = Source.decode(data, filename).text.splitlines()
        return entries(lines) if lines[0].startswith("arn:") else None

    monkeypatch.setitem(conversion._FORMATS, "lines", conversion._Format("lines", read_text=read_text))
    for form in (None, "lines"):
        found = read_mappings(b"arn:x = {a: b\narn:y\n", "f.tf", form)
        assert (found.formats, lines(found)) == (
            ("lines",),
            ["f.tf:1:1 arn:x as {a: b []", "f.tf:2:1: arn:y has no username"],
        )
    assert read_mappings(KOPS, "f.yaml").formats == ("kops",)
    with pytest.raises(ConfigError, match="no mappings found in the format lines: it contains a kops Cluster, an Inst"):
        read_mappings(KOPS, "f.yaml", "lines")


def test_recognised_by_its_looks_or_by_name() -> None:
    assert read_mappings(f"{KOPS}---\n{CONFIG}---\n{EKSCTL}", "f").formats == ("kops", "authenticator", "eksctl")
    assert read_mappings(f"{CONFIG}---\n{KOPS}", "f").configuration is None
    assert lines(read_mappings(KOPS, "f.yaml", "kops")) == read(KOPS)
    with pytest.raises(ConfigError, match=r"^f: no mappings found in the format crd: it contains a kops Cluster"):
        read_mappings(KOPS, "f", "crd")


@pytest.mark.parametrize(("text", "expected"), rows(__file__, "test_nothing_is_recognised"))
def test_nothing_is_recognised(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_mappings(text, "f")
    place, _, found = expected.partition(": ")
    assert str(caught.value) == (
        f"{place}: no mappings found: {found}; specify a file in one of these formats: {', '.join(FORMATS)}"
    )


def test_ill_formed_text_has_its_place() -> None:
    with pytest.raises(ParseError, match=r"^f:4:\d+: invalid YAML"):
        read_mappings("kind: Secret\n---\n\na: b: c\n", "f")
    with pytest.raises(ParseError, match=r"^f:1:\d+: byte 0xff"):
        read_mappings(b"a: \xff", "f")


@pytest.mark.parametrize(("text", "form", "found"), rows(__file__, "test_another_format_than_the_one_asked_for"))
def test_another_format_than_the_one_asked_for(text: str, form: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_mappings(text, "f", form)
    assert str(caught.value) == f"f:1:1: no mappings found in the format {form}: this is {found}; try --from auto"
