"""Server URLs, proxies, CA files and context names: what is accepted, and what each rejected one says."""

from __future__ import annotations

import base64

import pytest

from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.kubeconfig.connection import (
    authority_data,
    check_context_name,
    check_proxy,
    check_server,
    has_credentials,
    proxy_warning,
)
from tests.support.tables import rows

PEM = b"the CA\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
KEY = b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"
SERVER_EXAMPLE = "use a URL such as https://api.example.com:6443"


@pytest.mark.parametrize("url", rows(__file__, "test_a_server"))
def test_a_server(url: str) -> None:
    assert check_server(url) == url


@pytest.mark.parametrize("url", rows(__file__, "test_an_invalid_server"))
def test_an_invalid_server(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_server(url)
    assert str(caught.value) == f"'{url}' is not a valid server URL; {SERVER_EXAMPLE}"


@pytest.mark.parametrize("character", ["\n", "\t", "\r", "\x1b", "\x7f", "\u202e"])
def test_no_control_character_gets_into_a_url(character: str) -> None:
    for check in (check_server, check_proxy):
        with pytest.raises(ConfigError, match="is not a valid"):
            check(f"https://api.exa{character}mple.com")


def test_a_server_without_tls() -> None:
    with pytest.raises(ConfigError) as caught:
        check_server("http://api.example.com")
    assert str(caught.value) == (
        "the server 'http://api.example.com' does not use TLS: kubectl would send its token unencrypted; "
        "specify an https:// URL"
    )


@pytest.mark.parametrize("url", rows(__file__, "test_no_message_shows_a_password"))
def test_no_message_shows_a_password(url: str) -> None:
    for check in (check_server, check_proxy):
        with pytest.raises(ConfigError) as caught:
            check(url + "?")
        assert "secret" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"^the server URL contains a username or a password; use a URL such as"):
        check_server("https://user@api.example.com")


@pytest.mark.parametrize("url", rows(__file__, "test_a_proxy"))
def test_a_proxy(url: str) -> None:
    assert check_proxy(url) == url


@pytest.mark.parametrize(("url", "message"), rows(__file__, "test_an_invalid_proxy"))
def test_an_invalid_proxy(url: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_proxy(url)
    assert str(caught.value) == message


@pytest.mark.parametrize(("version", "warning"), rows(__file__, "test_a_kubectl_that_ignores_the_proxy"))
def test_a_kubectl_that_ignores_the_proxy(version: str | None, warning: str) -> None:
    assert proxy_warning(version) == warning


def test_the_bytes_of_the_file_are_embedded() -> None:
    assert base64.b64decode(authority_data(PEM)) == PEM


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (PEM + KEY, "the file contains a private key; specify a file that contains only the CA's certificate"),
        (PEM + KEY[:40], "the file contains a private key; specify a file that contains only the CA's certificate"),
        *(
            (
                data,
                (
                    "the file contains no certificate in PEM format; specify a file with -----BEGIN CERTIFICATE-----; "
                    "`openssl x509 -inform der` converts a DER file"
                ),
            )
            for data in (b"", b"0\x82\x01", PEM[:50], b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
        ),
    ],
)
def test_a_file_that_is_not_a_ca(data: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        authority_data(data, Place("ca.pem"))
    assert str(caught.value) == f"ca.pem: {message}"


@pytest.mark.parametrize("name", ["dev", "arn:aws:eks:eu-west-1:111122223333:cluster/dev", "dev cluster", "Zürich"])
def test_a_context_name(name: str) -> None:
    assert check_context_name(name) == name


@pytest.mark.parametrize(("name", "message"), rows(__file__, "test_an_invalid_context_name"))
def test_an_invalid_context_name(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_context_name(name)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "expected"),
    [("http://u:p@proxy", True), ("http://proxy", False), ("a@b", False), ("dev-cluster", False), ("http://[", False)],
)
def test_credentials_in_a_url(text: str, expected: bool) -> None:
    assert has_credentials(text) is expected
