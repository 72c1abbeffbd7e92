"""Images: references and their parts, where those of the authenticator are published, and which do not exist."""

from __future__ import annotations

import re
from typing import NamedTuple

from tarmak_iam.aws.regions import is_known_region, partition_of
from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion, published_tags
from tarmak_iam.text import closest, quoted

_PUBLIC = "public.ecr.aws"
_PATH = "eks-distro/kubernetes-sigs/aws-iam-authenticator"
_EKS_DISTRO = published_tags()
_DEFAULT_TAG = _EKS_DISTRO[DEFAULT_RELEASE]
DEFAULT_IMAGE = f"{_PUBLIC}/{_PATH}:{_DEFAULT_TAG}"
"""Can be pulled without a login. Its release starts with the files of Tarmak's v0.4.0 `init` (see versions.json)."""

_UPSTREAM = "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon/aws-iam-authenticator"
"""The only repository in upstream's documentation: deploy/example.yaml up to v0.7.11."""

ECR_TAGS = ("v0.4.0", "v0.4.0-scratch", "v0.5.3", "v0.6.26")
"""Its tags in upstream's example or in Tarmak's documentation, except those known to be missing."""

_OF_AWS = frozenset(
    (
        *("602401143452", "877085696533", "800184023465", "533267051163", "900889452093", "296578399912"),
        *("491585149902", "151610086707", "333609536671", "121268973566", "761377655185", "900612956339"),
        *("590381155156", "455263428931", "066635153087", "759879836304", "558608220178", "730335286997"),
        *("918309763551", "961992271922", "013241004608", "151742754352", "725322719131", "187977181151"),
        *("608367168043", "249663109785", "676585237158"),
    )
)
"""The accounts of EKS's registries: from "View Amazon container image registries" in the EKS user guide, and for the
partitions missing there from the script get-ecr-uri of awslabs/amazon-eks-ami."""

# https://github.com/distribution/reference: Docker, containerd and the kubelet parse names with it. IPv6 literals are
# not accepted: the Docker of Tarmak's hosts (1.13) does not support them.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*(?::(?P<port>[0-9]+))?"
_DOMAIN = re.compile(rf"{_HOST}\Z", re.ASCII)
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*\Z", re.ASCII)
_TAG = re.compile(r"\w[\w.-]{0,127}\Z", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z", re.ASCII)
_IDENTIFIER = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
_MAX_NAME = 255

_ECR_HOST = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+\Z", re.ASCII | re.IGNORECASE
)


class Ecr(NamedTuple):
    """Where a private ECR repository is."""

    account: str
    region: str

    @property
    def partition(self) -> str:
        return partition_of(self.region)

    @property
    def host(self) -> str:
        """The host name that the kubelet of every release recognises. It resolves to IPv4 addresses only."""
        suffix = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        return f"{self.account}.dkr.ecr.{self.region}.{suffix}"

    @property
    def is_of_aws(self) -> bool:
        """Whether it is a registry of AWS; a registry in any other account is a mirror."""
        return self.account in _OF_AWS


class Image(NamedTuple):
    """The parts of a reference. `domain` is "" for Docker's own registry; `tag` and `digest` may be ""."""

    domain: str
    repository: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> Image:
        """Raises ValueError for a reference that a container runtime would reject."""
        named, at, digest = text.partition("@")
        # A colon after the last slash begins a tag; one before it, a port.
        name, colon, tag = named.rpartition(":")
        if not colon or "/" in tag:
            name, colon, tag = named, "", ""
        first, slash, rest = name.partition("/")
        has_domain = bool(slash) and ("." in first or ":" in first or first == "localhost")
        domain, repository = (first, rest) if has_domain else ("", name)
        is_name = _REPOSITORY.match(repository) is not None
        flaws = {
            f": {quoted(domain)} is not a valid registry": domain != "" and not _is_domain(domain),
            ": names must be in lower case": not is_name and _REPOSITORY.match(repository.lower()) is not None,
            "": not is_name,
            ": a name must not consist of 64 hexadecimal digits": _IDENTIFIER.match(name) is not None,
            f": a name can have at most {_MAX_NAME} characters": len(name) > _MAX_NAME,
            f": {quoted(tag)} is not a valid tag": colon != "" and not _TAG.match(tag),
            ": a digest must be sha256: and 64 lower-case hexadecimal digits": at != "" and not _DIGEST.match(digest),
        }
        for flaw, is_there in flaws.items():
            if is_there:
                raise ValueError(f"{quoted(text)} is not a valid image{flaw}; use the form registry/name:tag")
        return cls(domain, repository, tag, digest)

    @property
    def name(self) -> str:
        """The image without tag and digest."""
        return f"{self.domain}/{self.repository}" if self.domain else self.repository

    @property
    def ecr(self) -> Ecr | None:
        """Its private ECR registry; None for any other registry."""
        match = _ECR_HOST.match(self.domain)
        return Ecr(match["account"], match["region"].lower()) if match else None


def check_registry(text: str) -> None:
    """Raises ValueError for anything but `public`, `ecr` and HOST[:PORT][/PATH]."""
    host, slash, path = text.partition("/")
    is_mirror = ("." in host or ":" in host or host == "localhost") and _is_domain(host)
    if text in ("public", "ecr") or (is_mirror and (not slash or _REPOSITORY.match(path))):
        Image.parse(published_image(text))  # its name may be too long
        return
    raise ValueError(f"{quoted(text)} is not a valid registry; use public, ecr, or HOST[:PORT][/PATH] of a mirror")


def published_image(registry: str, version: str | None = None) -> str:
    """The image of a release in a registry. `version` is as the setting daemonVersion, None for the registry's default.
    A mirror has the paths of public.ecr.aws, like proxies and pull-through caches. For a release that EKS Distro never
    published, this is the default image, of another release."""
    if registry == "ecr":
        return f"{_UPSTREAM}:{_as_tag(version or ECR_TAGS[-1])}"
    tag = _DEFAULT_TAG
    if version is not None:
        is_tag = "-eks-" in version
        tag = _as_tag(version) if is_tag else _EKS_DISTRO.get(DaemonVersion.parse(version), _DEFAULT_TAG)
    return f"{_PUBLIC if registry == 'public' else registry}/{_PATH}:{tag}"


def public_image(version: DaemonVersion) -> str | None:
    """The image of a release in public.ecr.aws, which requires no login; None if EKS Distro never published it."""
    return f"{_PUBLIC}/{_PATH}:{_EKS_DISTRO[version]}" if version in _EKS_DISTRO else None


def why_unavailable(image: Image) -> str | None:
    """Why the image does not exist, or no longer does; None where no reason is known."""
    if image.name.startswith("gcr.io/heptio-images/"):
        return "the registry gcr.io/heptio-images no longer exists, and had no release after v0.3.0"
    if is_upstream(image) and not image.digest:
        return {
            # kubernetes-sigs/aws-iam-authenticator#355 and its release notes: only -scratch, -debian-... and so on
            "v0.5.2": "upstream never pushed v0.5.2 without a suffix",
            # kubernetes-sigs/aws-iam-authenticator#720, #723, kubernetes/kops#16602
            "v0.5.27": "upstream's push of v0.5.27 failed",
        }.get(image.tag)
    # EKS Distro builds each release for its own releases: all its tags contain -eks-.
    if image.domain != _PUBLIC:
        return None
    if image.repository != _PATH:
        return f"the repository is probably {_PATH}" if closest(image.repository, [_PATH]) else None
    if image.digest or not image.tag or "-eks-" in image.tag:
        return None
    return f"tags of EKS Distro contain -eks-, as in {_DEFAULT_TAG}"


def has_other_domain(image: Image) -> bool:
    """Whether an ECR host ends like those of another partition than that of its region, so that it does not exist:
    https://docs.aws.amazon.com/general/latest/gr/ecr.html."""
    ecr, domain = image.ecr, image.domain.lower()
    if ecr is None or not is_known_region(ecr.region) or not domain.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return False
    return domain.endswith(".cn") != (ecr.partition == "aws-cn")


def is_upstream(image: Image) -> bool:
    return image.name == _UPSTREAM


def _is_domain(text: str) -> bool:
    match = _DOMAIN.match(text)
    return match is not None and (match["port"] is None or 0 < int(match["port"][:6]) < 65536)


def _as_tag(version: str) -> str:
    text = version.strip()
    text = text if text.startswith("v") else f"v{text}"
    return text if _TAG.match(text) else str(DaemonVersion.parse(version))
