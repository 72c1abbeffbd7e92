"""Every Kubernetes version with every release of the daemon and every choice of backends, validated strictly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import TypeVar

import pytest

from tarmak_iam.config.kubernetes_versions import NEWEST_KUBERNETES
from tarmak_iam.emit import manifests
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.backend_support import WRITABLE_BACKENDS
from tarmak_iam.identity.releases import known_releases
from tarmak_iam.installation.backend_payloads import make_payloads
from tarmak_iam.installation.installation import Installation
from tarmak_iam.plugins import provided
from tests.emit.schemas import NEW, OLD, Validator
from tests.support.installations import installation
from tests.support.thorough import quick_sample

CHOICES = [list(each) for length in (1, 2, 3) for each in combinations(WRITABLE_BACKENDS, length)]

_ERAS = ("1.9", "1.12", "1.16", NEW[-1])
"""The oldest, Tarmak's own, the first one with server-side apply and definitions as v1, and the newest."""
_VERSIONS = [each if each in _ERAS else pytest.param(each, marks=pytest.mark.thorough) for each in (*OLD, *NEW)]

_T = TypeVar("_T")

CANNOT_WORK = (
    r"authenticator v0\.4\.0 does not support backends",
    r"authenticator v\S+ would not start with the settings: .*backend",
    r"authenticator v\S+ would not start with the backends .*is unknown to this release",
    r"the backend CRD requires Kubernetes 1\.11",
)
"""Why a combination may be refused: nothing else is a reason."""


@pytest.fixture(scope="module", autouse=True)
def _loaded_once() -> Iterator[None]:
    """The same configuration is loaded for each Kubernetes version, and the same plugins are looked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Authenticator, "of", _once(Authenticator.of))
        patch.setattr("tarmak_iam.installation.installation.make_payloads", _once(make_payloads))
        patch.setattr("tarmak_iam.emit.emitters.provided", cache(provided))
        yield


def _once(load: Callable[..., _T]) -> Callable[..., _T]:
    """Arguments need not be hashable."""
    made: dict[str, _T] = {}

    def loaded(*args: object, **named: object) -> _T:
        key = repr((args, named))
        if key not in made:
            made[key] = load(*args, **named)
        return made[key]

    return loaded


@cache
def daemons() -> tuple[Installation, ...]:
    """Of every release with every choice of backends that it does not refuse."""
    made = (_installation(str(release), backends) for release in known_releases() for backends in CHOICES)
    return tuple(each for each in made if each is not None)


def _installation(release: str, backends: list[str]) -> Installation | None:
    image = f"registry.example.com/aws-iam-authenticator:{release}"
    with _refusals_that_are_stated():
        return installation(image=image, backends=backends)
    return None


@contextmanager
def _refusals_that_are_stated() -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        if not any(re.search(reason, str(error)) for reason in CANNOT_WORK):
            raise


@pytest.mark.parametrize("version", _VERSIONS)
def test_every_daemon_and_backend(version: str) -> None:
    """A version within an era has a tenth of them, the next one another tenth."""
    among = daemons() if version in _ERAS else daemons()[(*OLD, *NEW).index(version) % 10 :: 10]
    validator = Validator(version)
    for each in quick_sample(among, 120):
        with _refusals_that_are_stated():
            objects = manifests(replace(each, kubernetes_text=f"{version}.0"))
            validator.check(objects)
            assert objects[-1]["kind"] == "DaemonSet"


def test_a_later_kubernetes_gets_what_the_newest_gets() -> None:
    assert NEW[-1] == ".".join(map(str, NEWEST_KUBERNETES))
    newest, later = (manifests(installation(kubernetesVersion=version)) for version in (f"{NEW[-1]}.0", "1.99.3"))
    assert newest == later
