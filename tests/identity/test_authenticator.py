"""Whatever a configuration says, nothing raises and only who is named gets in; formats and flags of the daemon."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.identity import Authenticator, Identity, whois
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.releases import DaemonVersion
from tests.support.tables import rows

CONFIG = "clusterID: test\nserver: {mapUsers: [{userARN: arn:aws:iam::111122223333:user/Alice, username: alice}]}\n"
ALICE = Identity("arn:aws:iam::111122223333:user/Alice", "111122223333", "AIDAEXAMPLE")


def test_versions_in_the_spelling_of_images() -> None:
    assert str(DaemonVersion.parse("v0.6.20-eks-1-30-7")) == "v0.6.20"
    assert str(DaemonVersion.parse("v0.4.0-scratch")) == "v0.4.0"
    assert whois(CONFIG, ALICE, version="v0.6.20-eks-1-30-7").username == "alice"
    assert whois(CONFIG, ALICE, version="latest").started is False


@pytest.mark.parametrize(("args", "starts"), rows(__file__, "test_the_daemons_own_flags"))
def test_the_daemons_own_flags(args: list[str], starts: bool) -> None:
    assert (Authenticator.load(CONFIG, args=args).failure is None) is starts


def test_formats_by_extension() -> None:
    text = '{"clusterID": "test", "server": {"mapAccounts": ["1"]}, "server": {"mapAccounts": [111122223333]}}'
    assert whois(text, ALICE, filename="config.json").authenticated
    for name in ("config.YAML", "config.toml", "config"):
        assert not whois(CONFIG, ALICE, filename=name).started
    assert not whois("\ufeff" + text, ALICE, filename="config.json").started
    assert not whois("%YAML 1.2\n---\nclusterID: test\n", ALICE).started


@given(st.text(max_size=80), st.text(max_size=40))
def test_nothing_raises_and_nobody_gets_in_unnamed(text: str, arn: str) -> None:
    answer = whois(text, Identity(arn, "111122223333", "AIDA"))
    assert not answer.authenticated


NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)


@given(
    st.lists(st.tuples(st.sampled_from(["role", "user"]), NAMES), max_size=4), st.sampled_from(["role", "user"]), NAMES
)
def test_only_who_is_named_gets_in(mapped: list[tuple[str, str]], kind: str, name: str) -> None:
    entries = [f"  - {{roleARN: 'arn:aws:iam::111122223333:{k}/{n}', username: u, groups: [g]}}" for k, n in mapped]
    text = "clusterID: test\nserver:\n  mapRoles:\n" + "\n".join(entries) + "\n"
    answer = whois(text, identity_of(f"arn:aws:iam::111122223333:{kind}/{name}"))
    assert answer.authenticated == ((kind, name.lower()) in [(k, n.lower()) for k, n in mapped])
