"""References to images: what container runtimes take, and what is chosen where none is set."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.identity.releases import DaemonVersion, known_releases
from tarmak_iam.installation.images import DEFAULT_IMAGE, Image, check_registry, published_image
from tarmak_iam.installation.settings import Settings, override

ECR = "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon/aws-iam-authenticator"
PATH = "eks-distro/kubernetes-sigs/aws-iam-authenticator"
DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("authenticator", Image("", "authenticator", "", "")),
        ("authenticator:v0.6.20", Image("", "authenticator", "v0.6.20", "")),
        ("team/authenticator:v0.6.20", Image("", "team/authenticator", "v0.6.20", "")),
        ("localhost/x:v1", Image("localhost", "x", "v1", "")),
        ("registry:5000/x", Image("registry:5000", "x", "", "")),
        ("Registry.Example.com/a__b/c-d.e:V1_x.y-z", Image("Registry.Example.com", "a__b/c-d.e", "V1_x.y-z", "")),
        (f"10.0.0.1:5000/x:v1@{DIGEST}", Image("10.0.0.1:5000", "x", "v1", DIGEST)),
        (f"x@{DIGEST}", Image("", "x", "", DIGEST)),
        ("a---b:v1", Image("", "a---b", "v1", "")),
        ("x:" + "a" * 128, Image("", "x", "a" * 128, "")),
        ("a" * 255, Image("", "a" * 255, "", "")),
        (DEFAULT_IMAGE, Image("public.ecr.aws", PATH, "v0.7.18-cvefix-eks-1-36-9", "")),
    ],
)
def test_references(text: str, expected: Image) -> None:
    assert Image.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ""),
        ("a b", ""),
        ("x:v0.6.20 --privileged", ": 'v0.6.20 --privileged' is not a valid tag"),
        ("Team/authenticator:v1", ": names must be in lower case"),
        ("registry.example.com/Team/x:v1", ": names must be in lower case"),
        ("x:", ": '' is not a valid tag"),
        ("x:v1:v2", ""),
        ("x:-v1", ": '-v1' is not a valid tag"),
        ("x:v1+build", ": 'v1+build' is not a valid tag"),
        ("x:" + "a" * 129, f": '{'a' * 77}...' is not a valid tag"),
        ("x:v1\n", ": 'v1\n' is not a valid tag"),
        ("x@", ": a digest must be sha256: and 64 lower-case hexadecimal digits"),
        ("x@sha256:" + "0" * 63, ": a digest must be sha256: and 64 lower-case hexadecimal digits"),
        ("x@sha256:" + "A" * 64, ": a digest must be sha256: and 64 lower-case hexadecimal digits"),
        (f"x@{DIGEST}@{DIGEST}", ": a digest must be sha256: and 64 lower-case hexadecimal digits"),
        ("/x:v1", ""),
        ("x/:v1", ""),
        ("a//b:v1", ""),
        ("a..b:v1", ""),
        ("a._b:v1", ""),
        ("-a:v1", ""),
        ("a-/b:v1", ""),
        ("0" * 64, ": a name must not consist of 64 hexadecimal digits"),
        ("a" * 256, ": a name can have at most 255 characters"),
        ("registry:70000/x:v1", ": 'registry:70000' is not a valid registry"),
        ("registry:/x:v1", ": 'registry:' is not a valid registry"),
        ("-registry.example.com/x:v1", ": '-registry.example.com' is not a valid registry"),
        ("https://registry.example.com/x:v1", ": 'https:' is not a valid registry"),
        ("[::1]:5000/x:v1", ": '[::1]:5000' is not a valid registry"),
        ("régistry/x:v1", ""),
        ("x:\u0661", ": '\u0661' is not a valid tag"),
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


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com", ("111122223333", "eu-west-1", "aws")),
        ("111122223333.DKR.ECR.cn-north-1.amazonaws.com.cn", ("111122223333", "cn-north-1", "aws-cn")),
        ("111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com", ("111122223333", "us-gov-west-1", "aws-us-gov")),
        ("111122223333.dkr-ecr.us-east-1.on.aws", ("111122223333", "us-east-1", "aws")),
        ("public.ecr.aws", None),
        ("1111.dkr.ecr.eu-west-1.amazonaws.com", None),
    ],
)
def test_private_ecr(domain: str, expected: tuple[str, str, str] | None) -> None:
    ecr = Image.parse(f"{domain}/x:v1").ecr
    assert (ecr and (ecr.account, ecr.region, ecr.partition)) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, DEFAULT_IMAGE),
        ({"daemonVersion": "v0.6.20"}, f"public.ecr.aws/{PATH}:v0.6.20-eks-1-30-7"),
        ({"daemonVersion": "v0.7.18"}, DEFAULT_IMAGE),
        ({"daemonVersion": "0.7.9"}, f"public.ecr.aws/{PATH}:v0.7.9-eks-1-34-12"),
        ({"daemonVersion": "v0.7.9-eks-1-35-6"}, f"public.ecr.aws/{PATH}:v0.7.9-eks-1-35-6"),
        ({"daemonVersion": "v0.4.0"}, DEFAULT_IMAGE),  # EKS Distro never had it, which is a finding
        ({"registry": "ecr"}, f"{ECR}:v0.6.26"),
        ({"registry": "ecr", "daemonVersion": "v0.4.0-scratch"}, f"{ECR}:v0.4.0-scratch"),
        ({"registry": "ecr", "daemonVersion": "0.5.3"}, f"{ECR}:v0.5.3"),
        ({"registry": "ecr", "daemonVersion": "v0.6.20+dirty"}, f"{ECR}:v0.6.20"),
        ({"registry": "mirror.example.com"}, f"mirror.example.com/{PATH}:v0.7.18-cvefix-eks-1-36-9"),
        (
            {"registry": "mirror:5000/public-ecr", "daemonVersion": "v0.5.3"},
            f"mirror:5000/public-ecr/{PATH}:v0.5.3-eks-1-21-9",
        ),
        ({"registry": "ecr", "image": "x:v0.4.0"}, "x:v0.4.0"),
    ],
)
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
