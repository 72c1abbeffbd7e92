"""What another release of the authenticator would change, in both directions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.access.diff import effects
from tarmak_iam.emit import manifests
from tarmak_iam.emit.release_change import ReleaseChange, release_change
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.releases import known_releases
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.installation.installation import Installation
from tests.support.installations import MAPPINGS, installation
from tests.support.tables import rows

KEY_ID = MAPPINGS.replace("username: admin", "username: '{{AccessKeyID}}'")
SSO = """\
server:
  mapRoles:
  - sso: {permissionSetName: Dev, accountID: '111122223333'}
    username: dev
    groups: [dev]
"""


def change(release: str, mappings: str = MAPPINGS, **settings: Any) -> ReleaseChange:
    return release_change(installation(mappings=mappings, **settings), release)


def test_the_same_release_changes_nothing() -> None:
    made = change("v0.7.9", daemonVersion="v0.7.9")
    assert (made.changed, made.effects, made.objects, made.notes) == (False, (), (), ())
    with pytest.raises(ConfigError, match="'newest' is not a valid version of the authenticator"):
        change("newest")


def test_flaws_that_are_closed_and_opened() -> None:
    newer = change("v0.7.18", KEY_ID, daemonVersion="v0.5.8")
    older = change("v0.5.8", KEY_ID, daemonVersion="v0.7.18")
    assert [flaw.advisory.id for flaw in newer.closed] == ["aws-iam-authenticator#469", "CVE-2022-2385"]
    assert (newer.opened, older.opened, older.closed) == ((), newer.closed, ())
    assert newer.closed[1].text.startswith("CVE-2022-2385: callers can choose the value of {{AccessKeyID}}")
    assert [flaw.advisory.id for flaw in change("v0.7.18", daemonVersion="v0.5.8").closed] == [
        "aws-iam-authenticator#469"
    ]
    flaw = change("v0.7.18", backends=["MountedFile", "EKSConfigMap"], daemonVersion="v0.5.8").closed[1]
    assert (flaw.advisory.id, flaw.is_certain) == ("CVE-2022-2385", False)
    assert flaw.text.startswith(
        "CVE-2022-2385 (if a mapping that is not in its configuration contains {{AccessKeyID}})"
    )


def test_who_gains_and_loses() -> None:
    gates = {"SSORoleMatch": True}
    older = change("v0.5.8", MAPPINGS + SSO.partition("mapRoles:\n")[2], daemonVersion="v0.7.9", featureGates=gates)
    assert (
        older.failure
        == "authenticator v0.5.8 would not start with the settings: unrecognized feature gate: SSORoleMatch"
    )
    assert [effect.text for effect in older.effects] == [
        f"the authenticator: does not start: {older.failure}",
        "arn:aws:iam::111122223333:role/Admin: can no longer log in; loses system:masters",
        "sso:111122223333/Dev: can no longer log in; loses dev",
    ]
    assert (older.changed, older.objects, older.closed, older.opened) == (True, (), (), ())


def test_a_mapping_with_which_the_other_release_does_not_start() -> None:
    text = MAPPINGS + "  - {roleARN: nonsense, username: b, groups: []}\n"
    newer = change("v0.7.9", text, daemonVersion="v0.4.0")
    place = "aws-iam-authenticator.yaml:8:5"
    reason = "'nonsense' is not accepted as an ARN: it does not begin with 'arn:'"
    assert [effect.text for effect in newer.effects] == [
        f"the authenticator: does not start: {place}: {reason}",
        "arn:aws:iam::111122223333:role/Admin: can no longer log in; loses system:masters",
    ]
    assert (newer.starts, newer.changed, newer.objects) == (False, True, ())


def test_objects_that_cannot_be_generated_say_nothing_of_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(of: Installation) -> list[Manifest]:
        if str(of.daemon_version) == "v0.5.8":
            raise ConfigError("the emitter x does not know it")
        return manifests(of)

    monkeypatch.setattr("tarmak_iam.emit.release_change.manifests", made)
    older = change("v0.5.8", daemonVersion="v0.7.9")
    assert (older.failure, older.effects, older.starts) == ("the emitter x does not know it", (), True)
    assert (older.changed, older.closed, older.opened) == (True, (), ())


def test_flags_and_keys_that_go_and_come() -> None:
    text = MAPPINGS + "  SourceArn: arn:aws:eks:eu-west-1:111122223333:cluster/c\n  port: 21362\n"
    older, newer = change("v0.4.0", text, daemonVersion="v0.7.9"), change("v0.7.9", text, daemonVersion="v0.4.0")
    assert (older.flags, newer.flags) == (("- --backend-mode=MountedFile",), ("+ --backend-mode=MountedFile",))
    assert [key.text for key in older.keys] == [
        "aws-iam-authenticator.yaml:8:14: server.SourceArn would no longer be read"
    ]
    assert [key.text for key in newer.keys] == ["aws-iam-authenticator.yaml:8:14: server.SourceArn would be read"]


def test_objects_that_differ_by_more_than_the_release() -> None:
    made = change("v0.7.9", daemonVersion="v0.7.18")
    assert [entry.text for entry in made.objects] == ["would change DaemonSet.apps kube-system/aws-iam-authenticator"]
    lines = [line for line in made.objects[0].diff.splitlines() if line[:1] in ("+", "-")]
    assert [line.rpartition(":")[2] for line in lines[2:]] == ["v0.7.18-cvefix-eks-1-36-9", "v0.7.9-eks-1-34-12"]


@pytest.mark.parametrize(("settings", "release", "words", "notes"), rows(__file__, "test_the_command_that_chooses_it"))
def test_the_command_that_chooses_it(settings: dict[str, str], release: str, words: str, notes: list[str]) -> None:
    made = change(release, **settings)
    assert made.command == f"tarmak-iam settings set {words}"
    assert [text.startswith(note) for text, note in zip(made.notes, notes, strict=True)] == [True] * len(notes)


@given(st.sampled_from(known_releases()), st.sampled_from(known_releases()))
def test_it_is_what_the_settings_would_do(before: Any, after: Any) -> None:
    """Both directions name the same principals, and the effects are those of the edited settings."""
    there, back = (
        change(str(after), KEY_ID, daemonVersion=str(before)),
        change(str(before), KEY_ID, daemonVersion=str(after)),
    )
    old, new = (installation(mappings=KEY_ID, daemonVersion=str(version)) for version in (before, after))
    assert there.effects == effects(old, new)
    assert (there.closed, there.opened) == (back.opened, back.closed)
    assert {effect.principal for effect in there.effects} == {effect.principal for effect in back.effects}
