"""Backends as objects: their names, old and new, and what they can carry."""

from __future__ import annotations

import pytest

from tarmak_iam.identity.backend_support import (
    BACKEND_SPELLINGS,
    CRD,
    DYNAMIC_FILE,
    EKS_CONFIG_MAP,
    MOUNTED_FILE,
    WRITABLE_BACKENDS,
    Backend,
    backend_of,
    current_name,
)
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.installation.settings import choices_of


def test_what_can_be_written_is_what_the_settings_offer() -> None:
    assert choices_of("backends") == WRITABLE_BACKENDS


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        ("MountedFile", MOUNTED_FILE),
        ("File", MOUNTED_FILE),
        ("EKSConfigMap", EKS_CONFIG_MAP),
        ("ConfigMap", EKS_CONFIG_MAP),
        ("CRD", CRD),
        ("DynamicFile", DYNAMIC_FILE),
    ],
)
def test_a_backend_by_each_of_its_names(name: str, backend: Backend) -> None:
    assert backend_of(name) is backend
    assert current_name(name) == backend.name


def test_what_is_no_backend_stays_as_it_is() -> None:
    assert current_name("mountedfile") == "mountedfile"
    with pytest.raises(KeyError):
        backend_of("mountedfile")


def test_the_first_names_are_those_of_the_first_release() -> None:
    first = DaemonVersion.parse("v0.5.0")
    assert [name for name in BACKEND_SPELLINGS if first.accepts_backend(name)] == ["CRD", "File", "ConfigMap"]


@pytest.mark.parametrize(
    ("backend", "kinds"),
    [(MOUNTED_FILE, "role user account sso"), (EKS_CONFIG_MAP, "role user account sso"), (CRD, "role user")],
)
def test_what_a_backend_carries(backend: Backend, kinds: str) -> None:
    assert [kind for kind in ("role", "user", "account", "sso") if backend.carries(kind)] == kinds.split()
