"""References to images: what container runtimes take, and what is chosen where none is set."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.identity.releases import DaemonVersion, known_releases
from tarmak_iam.installation.images import Image, check_registry, published_image
from tarmak_iam.installation.settings import Settings, override
from tests.support.tables import rows

ECR = "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon/aws-iam-authenticator"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *rows(__file__, "test_references"),
        ("x:" + "a" * 128, ("", "x", "a" * 128, "")),
        ("a" * 255, ("", "a" * 255, "", "")),
    ],
)
def test_references(text: str, expected: list[str]) -> None:
    assert Image.parse(text) == Image(*expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *rows(__file__, "test_what_a_runtime_would_refuse"),
        ("x:" + "a" * 129, f": '{'a' * 77}...' is not a valid tag"),
        ("x@sha256:" + "0" * 63, ": a digest must be sha256: and 64 lower-case hexadecimal digits"),
        ("x@sha256:" + "A" * 64, ": a digest must be sha256: and 64 lower-case hexadecimal digits"),
        ("0" * 64, ": a name must not consist of 64 hexadecimal digits"),
        ("a" * 256, ": a name can have at most 255 characters"),
    ],
)
def test_what_a_runtime_would_refuse(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="is not a valid image") as caught:
        Image.parse(text)
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    assert str(caught.value) == f"'{shown}' is not a valid image{reason}; use the form registry/name:tag"


# The grammar of github.com/distribution/reference, as one expression.
HOST = r"([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
STEP = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
GRAMMAR = re.compile(
    rf"({HOST}(\.{HOST})*(:[0-9]+)?/)?{STEP}(/{STEP})*(:\w[\w.-]{{0,127}})?(@sha256:[0-9a-f]{{64}})?", re.ASCII
)


@given(st.text("aA0.:/-_@é\n", max_size=12) | st.from_regex(GRAMMAR, fullmatch=True))
def test_what_is_taken_is_in_the_grammar(text: str) -> None:
    try:
        Image.parse(text)
    except ValueError:
        return
    assert GRAMMAR.fullmatch(text)


@given(st.from_regex(r"([a-z0-9.-]{1,12}(:[0-9]{1,5})?/)?[a-z0-9._/-]{1,20}(:[\w.-]{1,9})?", fullmatch=True))
def test_parts_make_up_the_whole(text: str) -> None:
    try:
        image = Image.parse(text)
    except ValueError:
        return
    assert f"{image.name}{image.tag and ':' + image.tag}{image.digest and '@' + image.digest}" == text


@pytest.mark.parametrize(("domain", "expected"), rows(__file__, "test_private_ecr"))
def test_private_ecr(domain: str, expected: list[str] | None) -> None:
    ecr = Image.parse(f"{domain}/x:v1").ecr
    assert (ecr and [ecr.account, ecr.region, ecr.partition]) == expected


@pytest.mark.parametrize(("settings", "expected"), rows(__file__, "test_what_is_chosen"))
def test_what_is_chosen(settings: dict[str, str], expected: str) -> None:
    made = Settings(**settings)
    assert made.effective_image == expected
    assert override(made, {"profile": "dev"}).effective_image == expected
    Image.parse(made.effective_image)


def test_an_override_counts_for_what_is_made_of_it() -> None:
    assert override(Settings(registry="ecr"), {"daemonVersion": "v0.5.3"}).effective_image == f"{ECR}:v0.5.3"
    assert override(Settings(daemonVersion="v0.5.3"), {"registry": "ecr"}).effective_image == f"{ECR}:v0.5.3"
    assert override(Settings(image="x:v0.4.0"), {"registry": "ecr"}).effective_image == f"{ECR}:v0.6.26"
    assert override(Settings(image="x:v0.4.0"), {"registry": "ecr", "image": "y:v0.4.0"}).effective_image == "y:v0.4.0"


@pytest.mark.parametrize("version", known_releases())
def test_a_release_has_its_own_image_or_the_default_one(version: DaemonVersion) -> None:
    image = Image.parse(published_image("public", str(version)))
    assert DaemonVersion.parse(image.tag) == version or image.tag == "v0.7.18-cvefix-eks-1-36-9"
    assert re.fullmatch(r"v[0-9.]+(-cvefix)?-eks-1-[0-9]+-[0-9]+", image.tag)


NO_REGISTRIES = """
pubilc ECR mirror mirror.example.com/ https://mirror.example.com mirror.example.com/A a:b mirror.example.com:0
mirror.example.com/x:v1 mirror.example.com/x@y
"""


@pytest.mark.parametrize("text", ["", "a b.c", *NO_REGISTRIES.split()])
def test_what_is_no_registry(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid registry; use public, ecr, or HOST"):
        check_registry(text)


def test_a_mirror_whose_path_leaves_no_room() -> None:
    with pytest.raises(ValueError, match="a name can have at most 255 characters"):
        check_registry("mirror.example.com/" + "a" * 230)
