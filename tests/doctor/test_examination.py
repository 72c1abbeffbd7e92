"""Each check reports its problem, and reports nothing for correct files."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tarmak_iam.doctor import CHECKS
from tarmak_iam.pki import ServerNames, webhook_kubeconfig
from tarmak_iam.pki.pem import read_pem
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY, KUBECONFIG
from tests.support.masters import API_TEXT, FLAG_FILE, INIT_TEXT, INIT_UNIT, STATE, WEBHOOK, lay_master
from tests.support.webhook_pairs import NOW, Files, files, ids, lay, pair, report, rsa_key

CONFIGMAP = b"""\
apiVersion: v1
kind: ConfigMap
metadata: {name: aws-iam-authenticator}
data:
  config.yaml: |
    # the mappings
    clusterID: dev-cluster
    server: {port: 21362}
"""
DAEMONSET = b"""\
apiVersion: apps/v1
kind: DaemonSet
spec:
  template:
    spec:
      containers:
      - image: registry/aws-iam-authenticator:v0.6.20
        args: [server, --config=/etc/aws-iam-authenticator/config.yaml, --state-dir=/var/aws-iam-authenticator,
          --kubeconfig-pregenerated=true]
        securityContext: {runAsUser: 0}
        volumeMounts:
        - {name: state, mountPath: /var/aws-iam-authenticator/}
      volumes:
      - {name: state, hostPath: {path: /var/aws-iam-authenticator/}}
"""
CLIENT = b"""\
kind: Config
users:
- name: me
  user: {exec: {command: aws-iam-authenticator, args: [token, -i, dev-cluster, -r, arn]}}
"""
# The command as in Tarmak's documentation, with the cluster ID in the environment variable.
DOCUMENTED = b"""\
kind: Config
users:
- name: me
  user:
    exec:
      command: aws-iam-authenticator-aws
      args: [token]
      env: [{name: KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID, value: documented}]
"""
# As `kubectl get --raw` prints objects: a list whose items have no kind.
LISTED = b'{"kind": "ConfigMapList", "items": [{"data": {"config.yaml": "clusterID: listed"}}]}'

Lay = Callable[[Path], object]


def changed(**changes: bytes | None) -> Lay:
    """A directory written by `webhook`, with other content for some files; None for a missing file."""
    names = {"certificate": CERTIFICATE, "key": KEY, "kubeconfig": KUBECONFIG}

    def make(directory: Path) -> None:
        content: Files = {}
        for name, data in files().items():
            key = next(key for key in names if names[key] == name)
            new = changes.get(key, data)
            if new is not None:
                content[name] = new
        lay(directory, content)

    return make


def kubeconfig(old: str, new: str) -> Lay:
    text = files()[KUBECONFIG].decode()
    assert old in text
    return changed(kubeconfig=text.replace(old, new).encode())


def certified(build: Callable[[x509.CertificateBuilder], x509.CertificateBuilder], *, signer: int = 0) -> Lay:
    """A pair whose certificate has other extensions, with a kubeconfig that trusts it."""
    key = rsa_key()
    name = x509.Name([])
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), 1, NOW - timedelta(1), NOW + timedelta(days=99)
    ).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = build(builder).sign(rsa_key(signer), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    der = read_pem(certificate)[0].data
    return changed(certificate=certificate, kubeconfig=webhook_kubeconfig(der, ServerNames().url(21362)))


def named(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    return builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)


def purposed(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    usage = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH])
    return named(builder).add_extension(usage, critical=False)


def signing_only(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    names = ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"]
    others = dict.fromkeys([*names, "encipher_only", "decipher_only", "digital_signature"], False)
    return named(builder).add_extension(x509.KeyUsage(key_cert_sign=True, **others), critical=True)


OPENSSL, PKCS8 = serialization.PrivateFormat.TraditionalOpenSSL, serialization.PrivateFormat.PKCS8


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    form: serialization.PrivateFormat = OPENSSL,
    passphrase: bytes = b"",
) -> bytes:
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, encryption)


def with_mode(name: str, mode: int) -> Lay:
    def make(directory: Path) -> None:
        lay(directory, files())
        (directory / name).chmod(mode)

    return make


def instead(name: str, make: Callable[[Path], object]) -> Lay:
    """Something else in the place of one of the files."""

    def lay_all(directory: Path) -> None:
        lay(directory, files())
        (directory / name).unlink()
        make(directory / name)

    return lay_all


def out_of(lay_first: Lay, key: str) -> Lay:
    """The key is a link to one that is not below."""

    def make(directory: Path) -> None:
        outside = lay(directory.parent / "outside", files())
        lay_first(directory)
        (directory / key).unlink()
        (directory / key).symlink_to(outside / KEY)

    return make


def master(*changes: tuple[str, str], init: str | None = INIT_TEXT, names: ServerNames | None = None) -> Lay:
    """A master whose units have other texts."""
    api = API_TEXT
    for old, new in changes:
        assert old in api or (init is not None and old in init)
        api = api.replace(old, new)
        init = init.replace(old, new) if init is not None else None
    return lambda directory: lay_master(directory, names or ServerNames(), api=api, init=init)


def beside(content: Files, lay_first: Lay) -> Lay:
    def make(directory: Path) -> None:
        lay_first(directory)
        lay(directory, content)

    return make


def closed_kubeconfig(directory: Path) -> None:
    lay_master(directory)
    (directory / WEBHOOK).chmod(0o600)


def of_somebody_else(directory: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    lay_master(directory)
    os.chown(directory / STATE / KEY, 1000, 1000)


CERT, PRIVATE = files()[CERTIFICATE], files()[KEY]
DER = read_pem(CERT)[0].data
EC_KEY, ED_KEY = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
FOUND: list[tuple[str, str, Lay]] = [
    ("WEB001", "it is a directory", instead(CERTIFICATE, os.mkdir)),
    ("WEB001", "it is not a regular file", instead(CERTIFICATE, os.mkfifo)),
    ("WEB001", "Too many levels of symbolic links", instead(KEY, lambda path: path.symlink_to(path))),
    ("WEB001", "it is a link to a file outside of the copy", out_of(master(), f"{STATE}/{KEY}")),
    ("WEB001", "it is a link to a file outside of the directory", out_of(changed(), KEY)),
    ("WEB002", "key.pem is missing: `init` and the authenticator", changed(key=None)),
    ("WEB002", "cert.pem is missing: `init` and the authenticator", changed(certificate=None)),
    ("WEB002", "cert.pem and key.pem are missing", changed(certificate=None, key=None)),
    ("WEB003", "it is empty", changed(certificate=b"")),
    ("WEB003", "it is empty", changed(key=b"\n")),
    ("WEB003", "it is DER, but must be PEM", changed(certificate=DER)),
    ("WEB003", "it starts with a byte order mark", changed(certificate=b"\xef\xbb\xbf" + CERT)),
    ("WEB003", "it is UTF-16, but PEM must be ASCII", changed(key=b"\xff\xfe" + PRIVATE.decode().encode("utf-16-le"))),
    ("WEB003", "it contains RSA PRIVATE KEY instead", changed(certificate=PRIVATE)),
    ("WEB003", "it contains CERTIFICATE instead", changed(key=CERT)),
    ("WEB003", "its PEM block is broken", changed(certificate=CERT[:-30])),
    ("WEB003", "its PEM block is broken", changed(certificate=b" " + CERT)),
    ("WEB003", "it is not PEM", changed(key=b"hello\n")),
    ("WEB004", "it cannot be read as a certificate", changed(certificate=CERT.replace(b"\nM", b"\nN", 1))),
    ("WEB004", "it is encrypted", changed(key=pem(rsa_key(), OPENSSL, b"passphrase"))),
    ("WEB004", "it is encrypted", changed(key=pem(rsa_key(), PKCS8, b"passphrase"))),
    ("WEB004", "it cannot be read as a private key", changed(key=PRIVATE.replace(b"\nM", b"\nN", 1))),
    ("WEB005", "there is a private key in the certificate's file", changed(certificate=CERT + PRIVATE)),
    ("WEB006", "there is a second certificate in the file", changed(certificate=CERT + CERT)),
    ("WEB006", "there is a second block in the file, CERTIFICATE", changed(key=PRIVATE + CERT)),
    ("WEB007", "its lines end with CRLF", changed(certificate=CERT.replace(b"\n", b"\r\n"))),
    ("WEB007", "there is text before the PEM block", changed(certificate=b"# mine\n" + CERT)),
    ("WEB008", "the key is RSA in a block PRIVATE KEY", changed(key=pem(rsa_key(), PKCS8))),
    ("WEB008", "the key is EC in a block EC PRIVATE KEY", changed(key=pem(EC_KEY))),
    ("WEB008", "the key is Ed25519 in a block PRIVATE KEY", changed(key=pem(ED_KEY, PKCS8))),
    ("WEB009", "the key has 1024 bits, but `init` creates 2048", changed(key=pem(rsa_key(9, 1024)))),
    ("WEB020", "it is not the key of cert.pem", changed(key=pair(number=1).key)),
    ("WEB021", "it has no subject alternative name", certified(lambda builder: builder)),
    ("WEB022", "expects a certificate for master.internal", kubeconfig("localhost", "master.internal")),
    (
        "WEB022",
        "a certificate for ::1, but the certificate is for localhost, 127.0.0.1",
        kubeconfig("localhost", "[::1]"),
    ),
    ("WEB022", "expects a certificate for other", kubeconfig("server:", "tls-server-name: other\n      server:")),
    ("WEB023", "its extended key usage does not allow server authentication", certified(purposed)),
    ("WEB024", "it lacks digital signature", certified(signing_only)),
    ("WEB028", "it is not signed with its own key", certified(named, signer=1)),
    ("WEB030", "it is empty", changed(kubeconfig=b"")),
    ("WEB030", "it is not a kubeconfig", changed(kubeconfig=b"[]\n")),
    ("WEB030", "it has no current-context", kubeconfig("current-context: webhook\n", "")),
    ("WEB030", "its current-context does not exist", kubeconfig("t-context: webhook", "t-context: other")),
    (
        "WEB030",
        "the cluster of its current context does not exist",
        kubeconfig("    cluster: aws", "    cluster: other-aws"),
    ),
    (
        "WEB030",
        "two of its users have the same name",
        kubeconfig("- name: apis", "- name: apiserver\n  - name: apis"),
    ),
    ("WEB031", "the server is not an https URL with a host", kubeconfig("https:", "http:")),
    ("WEB031", "the server is not an https URL with a host", kubeconfig("localhost", "")),
    ("WEB031", "the server is not an https URL with a host", kubeconfig(":21362", ":port")),
    ("WEB031", "the authenticator answers only at /authenticate", kubeconfig("/authenticate", "/authenticate/")),
    (
        "WEB032",
        "connects to port 31362, but the authenticator listens on 21362",
        beside({"configmap.yaml": CONFIGMAP}, kubeconfig("21362", "31362")),
    ),
    (
        "WEB032",
        "connects to localhost, but the authenticator listens only on 10.0.0.5",
        beside({"c.yaml": b"clusterID: x\nserver: {address: 10.0.0.5}\n"}, changed()),
    ),
    ("WEB033", "certificate-authority-data is missing", kubeconfig("certificate-authority-data", "other")),
    ("WEB033", "is not a PEM certificate in base64", kubeconfig("-data: L", "-data: =L")),
    (
        "WEB033",
        "its CA is in the file /ca.pem",
        kubeconfig("certificate-authority-data: ", "certificate-authority: /ca.pem #"),
    ),
    ("WEB034", "trusts a certificate other than cert.pem", changed(kubeconfig=files(number=1)[KUBECONFIG])),
    ("WEB035", "insecure-skip-tls-verify", kubeconfig("server:", "insecure-skip-tls-verify: true\n      server:")),
    ("WEB036", "aws-iam-authenticator.kubeconfig is missing", changed(kubeconfig=None)),
    ("WEB040", "its mode is 0644", with_mode(KEY, 0o644)),
    ("WEB040", "its mode is 0640", with_mode(KEY, 0o640)),
    ("WEB041", "its mode is 0666", with_mode(KUBECONFIG, 0o666)),
    ("WEB041", "every user can replace its files", with_mode(".", 0o777)),
    ("WEB042", "it belongs to uid 1000", of_somebody_else),
    ("WEB043", "the API server runs as kubernetes", closed_kubeconfig),
    ("WEB044", "/etc/other.yaml does not exist: no unit creates it", master((FLAG_FILE + '"', '/etc/other.yaml"'))),
    ("WEB044", "the init unit copies the file there", master((FLAG_FILE, "/etc/kubernetes/other.yaml"))),
    ("WEB045", "the API server has no", master(("--authentication-token-webhook-config-file", "--other"))),
    (
        "WEB046",
        f"the API server reads /etc/other.yaml, but {INIT_UNIT.rpartition('/')[2]}:15 contains {FLAG_FILE}",
        master((FLAG_FILE + '"', '/etc/other.yaml"')),
    ),
    (
        "WEB046",
        "flags.txt:1 contains /etc/other.yaml",
        beside({"flags.txt": b"--authentication-token-webhook-config-file=/etc/other.yaml\n"}, master()),
    ),
    ("WEB047", "it has no Requires for", master(("Requires=aws-iam-authenticator-init.service", "Requires=x.service"))),
    ("WEB048", "it does not run `aws-iam-authenticator init`", master(("init -i", "server -i"))),
    (
        "WEB048",
        "`init` does not run in /var/aws-iam-authenticator",
        master(("Directory=/var/aws-iam-authenticator", "Directory=/var")),
    ),
    (
        "WEB048",
        "the authenticator's state directory is /srv on the host",
        beside({"d.yaml": DAEMONSET.replace(b"path: /var/aws-iam-authenticator/", b"path: /srv")}, master()),
    ),
    ("WEB049", "the certificate is for master.internal", master(names=ServerNames(("master.internal",)))),
    (
        "WEB049",
        "the authenticator listens on port 31362",
        beside({"configmap.yaml": CONFIGMAP.replace(b"21362", b"31362")}, master()),
    ),
    ("WEB050", "is v1, but the authenticator supports", master(("--v=2", "--authentication-token-webhook-version=v1"))),
    (
        "WEB051",
        "runs as the image's own user, but only uid 0 can read key.pem",
        beside({"d.yaml": DAEMONSET.replace(b"runAsUser: 0", b"")}, changed()),
    ),
    (
        "WEB051",
        "runs as uid 5",
        lambda directory: lay(directory, {"d.yaml": DAEMONSET.replace(b"User: 0", b"User: 5")}),
    ),
    (
        "WEB060",
        "the cluster ID is 'other' here, but 'dev-cluster' in",
        beside(
            {"kubeconfig": CLIENT.replace(b"dev-", b"").replace(b" cluster", b" other")},
            beside({"c.yaml": CONFIGMAP}, changed()),
        ),
    ),
    (
        "WEB060",
        "the cluster ID is 'documented' here",
        beside({"kubeconfig": DOCUMENTED}, beside({"c.yaml": CONFIGMAP}, changed())),
    ),
    (
        "WEB060",
        "the cluster ID is 'dev-cluster' here, but 'listed' in",
        beside({"kubeconfig": CLIENT, "c.json": LISTED}, changed()),
    ),
    (
        "WEB060",
        "this master belongs to another cluster",
        beside({"c.yaml": CONFIGMAP}, master(("-i dev-cluster", "-i x"))),
    ),
    ("WEB061", "the file is not well-formed YAML or JSON", beside({"configmap.yaml": b"a: {\n"}, changed())),
    (
        "WEB061",
        "authenticator v0.7.18 does not start: the key 'clusterID' is a duplicate",
        beside({"c.yaml": CONFIGMAP.replace(b"server:", b"clusterID:")}, changed()),
    ),
]


@pytest.mark.parametrize(("identity", "text", "make"), FOUND)
def test_each_check_finds_its_problem(tmp_path: Path, identity: str, text: str, make: Lay) -> None:
    directory = tmp_path / "directory"
    directory.mkdir()
    make(directory)
    examined = report(directory)
    found = [each for each in examined.diagnoses if each.id == identity]
    assert any(text in each.message for each in found), [str(each) for each in examined.diagnoses]
    check = next(check for check in CHECKS if check.id == identity)
    assert all(each.severity is check.severity and each.remedy for each in found)
    shown = repr(examined) + "".join(map(str, examined.diagnoses))
    assert [line for line in (*PRIVATE.decode().splitlines()[1:-1], "passphrase") if line in shown] == []


def test_every_check_has_an_example() -> None:
    times = {"WEB025", "WEB026", "WEB027"}  # below
    assert {identity for identity, _, _ in FOUND} | times == {check.id for check in CHECKS}
    assert len({check.id for check in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize("names", [ServerNames(), ServerNames(("::1", "localhost"), "0.0.0.0"), ServerNames(("a.b",))])
def test_what_webhook_writes_is_right(tmp_path: Path, names: ServerNames) -> None:
    assert ids(lay(tmp_path / "out", files(names))) == []


def test_a_master_is_right(tmp_path: Path) -> None:
    lay(lay_master(tmp_path / "m"), {"configmap.yaml": CONFIGMAP, "daemonset.yaml": DAEMONSET, "kubeconfig": CLIENT})
    found = report(tmp_path / "m")
    assert found.diagnoses == ()
    assert found.unseen == ()


@pytest.mark.parametrize(
    ("days", "expected"),
    [(-1, ["WEB026"]), (0, []), (69, []), (70, []), (71, ["WEB027"]), (99, ["WEB027"]), (101, ["WEB025"])],
)
def test_the_certificate_s_time(tmp_path: Path, days: int, expected: list[str]) -> None:
    directory = lay(tmp_path / "out", files(days=100))
    assert ids(directory, now=NOW + timedelta(days=days)) == expected


def test_places_are_lines(tmp_path: Path) -> None:
    directory = lay(tmp_path / "m", {"configmap.yaml": CONFIGMAP, "kubeconfig": CLIENT.replace(b"dev-", b"")})
    assert [str(each.place) for each in report(directory).diagnoses] == [f"{directory}/kubeconfig:4:55"]
    directory = lay(
        tmp_path / "n", {"configmap.yaml": CONFIGMAP, "daemonset.yaml": DAEMONSET.replace(b"er,", b"er, -i, x,", 1)}
    )
    assert [str(each.place) for each in report(directory).diagnoses] == [f"{directory}/configmap.yaml:7:16"]


def test_a_copy_that_somebody_made_has_their_owner(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    for path in [*lay_master(tmp_path / "m").rglob("*")]:
        os.chown(path, 1000, 1000)
    assert ids(tmp_path / "m") == []


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = lay(tmp_path / "out", files())
    real = open

    def refuse(file: object, *args: object, **options: object) -> object:
        if str(file).endswith(KEY):
            raise PermissionError(13, "Permission denied")
        return real(file, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr("builtins.open", refuse)
    (found,) = report(directory).diagnoses
    assert str(found) == (
        f"{directory / KEY}: error: it cannot be read: Permission denied; "
        "run doctor as root, or as the owner of the file [WEB001]"
    )
