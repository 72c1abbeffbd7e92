"""Damaged files: doctor never fails, and it reports every certificate, key or CA that no longer fits the others."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tarmak_iam.doctor.file_tree import FoundFile
from tarmak_iam.doctor.inspected_files import parse_webhook_kubeconfig
from tarmak_iam.findings import Severity
from tarmak_iam.pki import ServerNames
from tarmak_iam.pki.pem import is_certificate, is_key, read_pem
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY, KUBECONFIG
from tests.support.masters import API_TEXT, API_UNIT, INIT_TEXT, INIT_UNIT, lay_master
from tests.support.thorough import examples
from tests.support.webhook_pairs import Files, files, lay, report

RIGHT = files()
OTHER = files(ServerNames(("localhost", "master.internal")), number=1)
NAMES = sorted(RIGHT)

names = st.sampled_from(NAMES)
damages = st.one_of(
    st.tuples(st.just("flip"), names, st.integers(0, 4000), st.integers(0, 7)),
    st.tuples(st.just("cut"), names, st.integers(0, 4000), st.just(0)),
    st.tuples(st.just("insert"), names, st.integers(0, 4000), st.integers(0, 255)),
    st.tuples(st.just("remove"), names, st.just(0), st.just(0)),
    st.tuples(st.just("other"), names, st.just(0), st.just(0)),
    st.tuples(st.just("append"), names, st.just(0), st.just(0)),
    st.tuples(st.just("swap"), names, st.integers(0, 2), st.just(0)),
)


def damaged(content: Files, damage: tuple[str, str, int, int]) -> Files:
    kind, name, place, extra = damage
    data = content.get(name)
    if data is None:
        return content
    if kind == "flip" and data:
        place %= len(data)
        return {**content, name: data[:place] + bytes([data[place] ^ 1 << extra]) + data[place + 1 :]}
    if kind == "insert":
        return {**content, name: data[:place] + bytes([extra]) + data[place:]}
    if kind == "swap":
        other = NAMES[place]
        return {**content, name: content.get(other, b""), other: data}
    if kind == "remove":
        return {key: value for key, value in content.items() if key != name}
    new = {"cut": data[:place], "other": OTHER[name], "append": data + OTHER[name]}
    return {**content, name: new.get(kind, data)}


def fits(content: Files) -> bool:
    """Whether the authenticator has the original pair, and the API server trusts it, in whatever form it is written."""
    certificate = [each.data for each in read_pem(content.get(CERTIFICATE, b"")) if is_certificate(each)]
    key = [each.data for each in read_pem(content.get(KEY, b"")) if is_key(each)]
    webhook = parse_webhook_kubeconfig("", FoundFile("", content.get(KUBECONFIG, b"")))
    trusted = [each.data for each in webhook.ca or ()]
    return any(
        certificate[:1] == read_der(own, CERTIFICATE) and key[:1] == read_der(own, KEY) and certificate[0] in trusted
        for own in (RIGHT, OTHER)
    )


def read_der(content: Files, name: str) -> list[bytes]:
    return [read_pem(content[name])[0].data]


@given(st.lists(damages, min_size=1, max_size=3))
@settings(max_examples=examples(100))
@example([("other", CERTIFICATE, 0, 0)])
@example([("other", CERTIFICATE, 0, 0), ("other", KEY, 0, 0)])
@example([("swap", CERTIFICATE, 2, 0)])
def test_a_damaged_directory(done: list[tuple[str, str, int, int]]) -> None:
    content = RIGHT
    for damage in done:
        content = damaged(content, damage)
    if not content:
        return
    with tempfile.TemporaryDirectory() as directory:
        found = report(lay(Path(directory), content))
    has_error = any(each.severity is Severity.ERROR for each in found.diagnoses)
    assert has_error or fits(content), [str(each) for each in found.diagnoses]


texts = st.one_of(
    st.text(max_size=200),
    st.sampled_from([API_TEXT, INIT_TEXT]).flatmap(
        lambda text: st.tuples(st.integers(0, len(text)), st.text(max_size=5)).map(
            lambda cut: text[: cut[0]] + cut[1] + text[cut[0] + len(cut[1]) :]
        )
    ),
)


@given(texts, texts)
@settings(max_examples=examples(100))
@example("", "")
@example(
    '[Service]\nExecStart=a "--authentication-token-webhook-config-file=/etc/../../../../x\0"\n',
    "[Service]\nExecStart=cp a",
)
def test_units_of_any_text(api: str, init: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = lay_master(Path(directory), init="")
        (root / API_UNIT).write_text(api, encoding="utf-8", errors="surrogatepass")
        (root / INIT_UNIT).write_text(init, encoding="utf-8", errors="surrogatepass")
        report(root)


KEYS = [
    *(
        "kind",
        "items",
        "data",
        "config.yaml",
        "clusterID",
        "server",
        "users",
        "user",
        "exec",
        "command",
        "args",
        "name",
    ),
    *("clusters", "cluster", "contexts", "context", "current-context", "spec", "template", "containers", "image"),
    *("volumes", "volumeMounts", "hostPath", "path"),
]
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from(["server", "-i", "x", "aws", "https://x/authenticate"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(plain, st.sampled_from(["ConfigMap", "DaemonSet", "Config", "List", None]), plain)
@settings(max_examples=examples(100))
def test_objects_of_any_shape(content: object, kind: str | None, webhook: object) -> None:
    value = {**content, "kind": kind} if isinstance(content, dict) else content
    with tempfile.TemporaryDirectory() as directory:
        laid = {**RIGHT, "a.yaml": json.dumps(value).encode(), KUBECONFIG: json.dumps(webhook).encode()}
        report(lay(Path(directory), laid))


@given(st.binary(max_size=100))
@settings(max_examples=examples(100))
def test_files_of_any_bytes(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        found = report(lay(Path(directory), dict.fromkeys([*NAMES, "a.yaml", "flags.txt", "kubeconfig"], data)))
    assert {"WEB003", "WEB030"} <= {each.id for each in found.diagnoses}


def test_files_that_are_full_of_beginnings_take_no_longer_than_others() -> None:
    """Each would take minutes if all following lines were read again for every line."""
    beginnings = b"-----BEGIN CERTIFICATE-----\n" * 100_000
    assert read_pem(beginnings) == ()
    assert read_pem(b"-----BEGIN a:b-----\n" * 100_000 + b"!\n-----END a:b-----\n") == ()
    (block,) = read_pem(beginnings + b"AAAA\n-----END CERTIFICATE-----\n")
    assert block.line == 100_000
    users = "".join(f"- {{name: '{number}'}}\n" for number in range(20_000))
    found = FoundFile("", f"current-context: x\nusers:\n{users}- {{name: '7'}}\n".encode())
    assert parse_webhook_kubeconfig("", found).problem == "two of its users have the same name"
