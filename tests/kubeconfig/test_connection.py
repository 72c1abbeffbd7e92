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

PEM = b"the CA\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
KEY = b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"
SERVER_EXAMPLE = "use a URL such as https://api.example.com:6443"
PROXY_EXAMPLE = "use a URL such as http://proxy.example.com:3128"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "https://api.example.com./",
        "https://127.0.0.1:40123",
        "https://[2001:db8::1]:6443",
        "https://bastion/clusters/dev-cluster",
        "HTTPS://api_1.example.com:65535",
    ],
)
def test_a_server(url: str) -> None:
    assert check_server(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "api.example.com:6443",
        "ftp://api.example.com",
        "https://",
        "https:///path",
        "https://-api.example.com",
        "https://api.example.com:0",
        "https://api.example.com:65536",
        "https://api.example.com:https",
        "https://api.example.com?x",
        "https://api.example.com#x",
        "https://[127.0.0.1]",
        "https://[::1",
        "https://a b",
        "https://\N{LATIN SMALL LETTER A WITH DIAERESIS}",
    ],
)
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


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret@api.example.com",
        "http://user:secret@api.example.com",
        "https://user:secret@[::1",
        "x:secret@y",
    ],
)
def test_no_message_shows_a_password(url: str) -> None:
    for check in (check_server, check_proxy):
        with pytest.raises(ConfigError) as caught:
            check(url + "?")
        assert "secret" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"^the server URL contains a username or a password; use a URL such as"):
        check_server("https://user@api.example.com")


@pytest.mark.parametrize(
    "url",
    [
        "http://proxy.example.com:3128",
        "https://user:secret@proxy.example.com",
        "socks5://localhost:1080",
        "http://[::1]:3128/",
    ],
)
def test_a_proxy(url: str) -> None:
    assert check_proxy(url) == url


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("proxy.example.com:3128", f"'proxy.example.com:3128' is not a valid proxy URL; {PROXY_EXAMPLE}"),
        ("http://proxy/path", f"'http://proxy/path' is not a valid proxy URL; {PROXY_EXAMPLE}"),
        ("http://proxy?x", f"'http://proxy?x' is not a valid proxy URL; {PROXY_EXAMPLE}"),
        ("http://user:secret@proxy/path", f"the proxy URL is not valid; {PROXY_EXAMPLE}"),
        ("socks4://proxy", "kubectl does not support 'socks4' proxies; use one of http, https, socks5"),
    ],
)
def test_an_invalid_proxy(url: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_proxy(url)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("version", "warning"),
    [
        ("1.18.20", "kubectl 1.18.20 ignores proxy-url; use kubectl 1.19 or later, or set HTTPS_PROXY"),
        ("v1.19.0", ""),
        ("v1.36.0-eks-2f008fe", ""),
        (None, ""),
    ],
)
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


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "the name of the context is empty; specify a name, as in dev"),
        (" ", "the name of the context is empty; specify a name, as in dev"),
        ("a\nb", "'a\\nb' is not a valid name of a context: it contains control characters; use printable characters"),
        (
            "a\u202eb",
            "'a\\u202eb' is not a valid name of a context: it contains control characters; use printable characters",
        ),
    ],
)
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
