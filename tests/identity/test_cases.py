"""Configurations, and who callers become by them: tests/identity/cases/SUBJECT.txt.

tests/support/case_texts.py explains the format. The first file is the configuration, others are what its backends read.
Before it:

    @versions V...        the releases with this answer
    @args ARG...          the flags
    @token ID             the cluster that the token is for
    @instance ID NAME     what EC2 says
    @carried              as what the manifests make of the mappings, as DaemonInput.is_carried says

After it, with the answers:

    @whois ARN USER-ID [ACCESS-KEY]     USERNAME [GROUP, ...] or `denied`, with the place and the reason; then others
                                        that the daemon may give at random, and notes
    @does not start                     the place, the reason and the remedy
    @grants                             KIND PRINCIPAL: USERNAME [GROUP, ...], and whether that is sure
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarmak_iam.identity import Answer, Authenticator, Identity
from tarmak_iam.identity.model import DaemonInput
from tests.support.case_texts import Section, read_cases

ANSWERS = r"whois \S.*|does not start|grants"
MARKERS = rf"versions \S.*|args \S.*|token \S+|instance \S+ \S+|carried|[\w.]+\.(?i:yaml|yml|json|toml)|{ANSWERS}"
CASES = list(read_cases(Path(__file__).with_name("cases"), MARKERS))


def given(sections: list[Section], version: str) -> DaemonInput:
    words = {name: value for name, _, value in (each.marker.partition(" ") for each in sections)}
    config, *files = (each for each in sections if "." in each.marker.partition(" ")[0])
    instance = words.get("instance", "").split()
    return DaemonInput(
        config.text,
        version,
        words.get("token"),
        tuple(words.get("args", "").split()),
        {each.marker: each.text for each in files},
        config.marker,
        dict([instance]) if instance else {},
        is_carried="carried" in words,
    )


def shown(loaded: Authenticator, asked: str) -> str:
    """What a section says."""
    what, *caller = asked.split()
    if what == "grants":
        lines = [
            f"{each.kind} {each.principal}: {_name(each.username, each.groups)}{'' if each.is_sure else ' ?'}"
            for each in loaded.grants
        ]
    elif loaded.failure is not None:
        failure = loaded.failure
        lines = [_reason(failure), *([failure.remedy] if failure.remedy else [])]
    else:
        assert asked != "does not start", "it starts"
        arn, user_id, access_key = (*caller, "", "")[:3]
        answer = loaded.whois(Identity(arn, arn.split(":")[4], user_id, access_key))
        lines = [*_answer(answer), *(line for each in answer.alternatives for line in _answer(each))]
        lines += [f"note: {note}" for note in answer.notes]
    return "".join(f"{line}\n" for line in lines)


def _answer(answer: Answer) -> Iterator[str]:
    yield _name(answer.username or "", answer.groups or ()) if answer.authenticated else "denied"
    yield _reason(answer)


def _name(username: str, groups: list[str] | tuple[str, ...]) -> str:
    return f"{username or repr(username)}{f' {list(groups)}' if groups else ''}"


def _reason(answer: Answer) -> str:
    return f"{answer.place}: {answer.reason}" if answer.place else answer.reason


@pytest.mark.parametrize(("name", "sections"), CASES, ids=[name for name, _ in CASES])
def test_case(name: str, sections: list[Section]) -> None:
    (versions,) = (each.marker.split()[1:] for each in sections if each.marker.startswith("versions "))
    answers = [each for each in sections if re.fullmatch(ANSWERS, each.marker)]
    assert answers, "a case without an answer"
    for version in versions:
        loaded = Authenticator.of(given(sections, version))
        for each in answers:
            assert shown(loaded, each.marker) == each.text, (name, version)
