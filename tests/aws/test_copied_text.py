"""What copying leaves in names, and names of people in any script, in which there is nothing to find."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.aws import copied_text
from tarmak_iam.aws.copied_text import Trace, cleaned, in_ascii_letters, placeholder, traces

BLANK, INVISIBLE, QUOTES, LETTERS, ENDING = Trace


@pytest.mark.parametrize(
    ("text", "found", "bare"),
    [
        (" dev", [BLANK], "dev"),
        ("dev\n", [BLANK], "dev"),
        ("de\tv", [BLANK], "dev"),
        ("\u00a0dev", [BLANK], "dev"),
        ("dev\u200b", [INVISIBLE], "dev"),
        ("\ufeffdev", [INVISIBLE], "dev"),
        ("d\u00adev", [INVISIBLE], "dev"),
        ("dev\u200e", [INVISIBLE], "dev"),
        ("\u202edev\u202c", [INVISIBLE], "dev"),
        ("de\u200dv", [INVISIBLE], "dev"),
        ("dev\u200c", [INVISIBLE], "dev"),
        ("Ann\u00a0Smith", [INVISIBLE], "Ann Smith"),
        ("Ann\u3000Smith", [INVISIBLE], "Ann Smith"),
        ("'dev'", [QUOTES], "dev"),
        ('"dev"', [QUOTES], "dev"),
        ("`dev`", [QUOTES], "dev"),
        ("\u201cdev\u201d", [QUOTES], "dev"),
        ("\u201edev\u201c", [QUOTES], "dev"),
        ("\u2018dev\u2019", [QUOTES], "dev"),
        ("\u00abdev\u00bb", [QUOTES], "dev"),
        ("[dev]", [QUOTES], "dev"),
        ("(dev)", [QUOTES], "dev"),
        ("<ann@example.com>", [QUOTES], "ann@example.com"),
        ('dev"', [QUOTES], "dev"),
        ("\u201cdev", [QUOTES], "dev"),
        ('\\"dev\\"', [QUOTES], "dev"),
        ("- dev", [QUOTES], "dev"),
        ("'([dev])'", [QUOTES], "dev"),
        ("Ann Smith;", [ENDING], "Ann Smith"),
        ("d\u0435v", [LETTERS], "dev"),
        ("\u0455ystem:mаsters", [LETTERS], "system:masters"),  # noqa: RUF001
        ("\u0391dmins", [LETTERS], "Admins"),
        ("system\uff1amasters", [LETTERS], "system:masters"),
        ("dev\u2013ops", [LETTERS], "dev-ops"),
        ("dev\u2011ops", [LETTERS], "dev-ops"),
        ("team\u2044dev", [LETTERS], "team/dev"),
        ("d\uff45v", [LETTERS], "dev"),
        ("\ufb01nance", [LETTERS], "finance"),
        ("\U0001d41d\U0001d41e\U0001d42f", [LETTERS], "dev"),
        ("dev,", [ENDING], "dev"),
        ("dev;", [ENDING], "dev"),
        ("dev.", [ENDING], "dev"),
        ("dev:", [ENDING], "dev"),
        (":dev", [ENDING], "dev"),
        ('"dev",', [QUOTES, ENDING], "dev"),
        ("'\u200bdev' ", [BLANK, INVISIBLE, QUOTES], "dev"),
        (",", [ENDING], ""),
        ('""', [QUOTES], ""),
    ],
)
def test_traces(text: str, found: list[Trace], bare: str) -> None:
    assert (list(traces(text)), cleaned(text)) == (found, bare)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dev",
        "oidc:dev",
        "/keycloak/dev",
        "team.dev_a-b",
        "cn=ops,dc=example",
        "Smith, Ann",
        "O'Brien",
        '"a" or "b"',
        "O\u2019Brien",
        "Sammy Davis Jr.",
        "Ann Smith (admin)",
        "[a][b]",
        "CORP\\svc$",
        "{{SessionName}}",
        "dev:{{SessionName}}",
        "m\u00fcller",
        "M\u00aa Jos\u00e9",
        "I\u015f\u0131k",
        "\u0434\u0435\u0432",  # Cyrillic alone
        "\u043a\u043e\u043c\u0430\u043d\u0434\u0430-dev",  # Cyrillic and ASCII, each in words of its own
        "Dev\u041e\u043f\u0441",  # of both scripts: one of the letters is like none of ASCII
        "\u03b1-team",
        "\u5c71\u7530\u3000\u592a\u90ce",  # a name in Japanese with its blank
        "\uff24\uff38\u63a8\u9032\u90e8",  # full-width letters between such of Japanese
        "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # a joiner of Persian
        "\U0001f469\u200d\U0001f4bb",  # and of an emoji
        "Team \u2013 Nord",
    ],
)
def test_names_that_are_right(text: str) -> None:
    assert (traces(text), cleaned(text), placeholder(text)) == ((), text, "")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<name>", "<name>"),
        ("dev:<your user>", "<your user>"),
        ("$USER", "$USER"),
        ("dev-$USER", "$USER"),
        ("$(whoami)", "$(whoami)"),
        ("%USERNAME%", "%USERNAME%"),
        ("YOUR-ROLE-NAME", "YOUR-ROLE-NAME"),
        ("your_username", "your_username"),
        ("arn:aws:iam::111122223333:role/ROLE_NAME", "ROLE_NAME"),
        ("TODO", "TODO"),
        ("change-me", "change-me"),
        ("XXX", "XXX"),
        ("yourkit", ""),
        ("your-move", ""),
        ("todo", ""),
        ("a$b", ""),
        ("ann <ann@example.com>", ""),
        ("CLUSTER_ADMIN", ""),
    ],
)
def test_placeholders(text: str, found: str) -> None:
    assert placeholder(text) == found


def test_letters_alone_are_ascii_whatever_is_beside_them() -> None:
    assert in_ascii_letters("\u0430\u0441\u0435 \uff44 \u2013") == "ace d -"
    assert in_ascii_letters("m\u00fcller") == "m\u00fcller"


@given(st.text(max_size=12))
def test_a_cleaned_text_is_clean(text: str) -> None:
    assert traces(cleaned(text)) == ()
    assert bool(traces(text)) == (cleaned(text) != text)


@given(st.text(st.characters(categories=["Ll", "Lu"], max_codepoint=0x24F), min_size=1, max_size=12))
def test_letters_of_latin_are_never_a_trace(text: str) -> None:
    assert traces(text) == ()


@given(st.from_regex(copied_text._PLAIN.pattern, fullmatch=True))
def test_what_is_taken_for_plain_has_no_trace(text: str) -> None:
    assert [step(text) for _, step in copied_text._STEPS] == [text] * len(Trace)
