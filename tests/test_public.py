"""The names that stay."""

from __future__ import annotations

import inspect
import pkgutil

import pytest

import tarmak_iam
from tarmak_iam import TarmakConfig, TarmakIamError, pki
from tarmak_iam.config.api_server import AMAZON
from tarmak_iam.config.section_keys import load_sections
from tarmak_iam.config.section_model import Amazon
from tarmak_iam.config.sections import Section
from tarmak_iam.document import Document, EditRefused
from tarmak_iam.errors import Place
from tarmak_iam.identity import Answer, Authenticator, Identity, whois
from tests.support import bring_plugins


def test_every_public_name_is_there() -> None:
    for name in tarmak_iam.__all__:
        assert getattr(tarmak_iam, name) is not None
    assert set(tarmak_iam.__all__) <= set(dir(tarmak_iam))
    with pytest.raises(AttributeError):
        tarmak_iam.nothing  # type: ignore[attr-defined]  # noqa: B018  # that is the point


def test_what_is_imported_late_is_no_module() -> None:
    """A module of that name would be the package's attribute as soon as somebody had imported it."""
    for package in (tarmak_iam, pki):
        modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
        assert modules.isdisjoint(package.__all__)
    assert callable(pki.prepare)


def test_pinned_signatures() -> None:
    assert list(inspect.signature(Document.parse).parameters)[:3] == ["data", "filename", "index"]
    names = "config_text identity version cluster_id args files filename private_dns_names"
    assert list(inspect.signature(whois).parameters) == names.split()
    assert inspect.signature(whois).parameters["version"].default == "v0.7.18"
    assert list(inspect.signature(Identity).parameters) == ["arn", "account", "user_id", "access_key_id"]
    for name in ("started", "authenticated", "username", "groups", "uid", "extra", "reason", "alternatives"):
        assert hasattr(Answer(started=True), name)
    assert issubclass(EditRefused, TarmakIamError)
    assert callable(Authenticator.load)
    assert callable(TarmakConfig.load)


def test_errors_begin_with_their_place() -> None:
    error = TarmakIamError("what\n is wrong", remedy="do that", place=Place("f.yaml", 3, 7))
    assert str(error) == "f.yaml:3:7: what is wrong; do that"
    assert str(TarmakIamError("x", place=Place("f"))) == "f: x"
    assert str(TarmakIamError("x")) == "x"


def test_the_built_in_section_is_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_sections()[0] is AMAZON

    bring_plugins(monkeypatch, "tarmak_iam.sections", Section(AMAZON.path, Amazon))
    with pytest.raises(TarmakIamError, match="both tarmak-iam and package0 provide"):
        load_sections()
