"""The AuthenticationConfiguration in real API servers, with tokens that have the claims that AWS documents: everybody
becomes who `whois` says, and nobody else logs in."""

from __future__ import annotations

import base64
import json
import random
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.identity import Authenticator
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.mappings import oidc_section
from tarmak_iam.mappings.authentication_config import whois, write
from tarmak_iam.mappings.cel import MAX_DEPTH
from tarmak_iam.mappings.oidc_conversion import to_token_mappings
from tests.e2e import components
from tests.e2e.control_plane import ControlPlane, control_plane
from tests.e2e.processes import wait_until
from tests.support.certificates import Authority
from tests.support.servers import Handler, serving
from tests.support.sts import JWT_RESPONSE

AUDIENCE, OWN, OTHER = "dev-cluster", "111122223333", "444455556666"
ACCOUNT = f"arn:aws:iam::{OWN}:"
SSO_PATH = "role/aws-reserved/sso.amazonaws.com/eu-west-1/"
_ODD = random.Random(7)
ODD = [
    "".join(_ODD.choices("'\"\\ \n\t\r\0{}[]?:,+unU0é\u202e\u2028\U0001f600", k=_ODD.randint(1, 12)))
    for _ in range(200)
]
SERVER: dict[str, Any] = {
    "mapRoles": [
        {"roleARN": f"{ACCOUNT}role/ADMIN", "username": "admin", "groups": ["system:masters", "of-{{AccountID}}"]},
        {
            "roleARN": f"{ACCOUNT}role/Odd",
            "username": "it's\n\\' : 'admin",
            "groups": ["'], ['system:masters", "é\u202e"],
        },
        {"roleARN": f"{ACCOUNT}role/Many", "username": "many", "groups": ODD},
        {"roleARN": f"{ACCOUNT}role/Lost", "username": "lost:{{SessionName}}", "groups": ["system:masters"]},
        {"sso": {"permissionSetName": "Ops", "accountID": OWN}, "username": "ops", "groups": ["ops"]},
    ],
    "mapUsers": [
        {"userARN": f"{ACCOUNT}user/team/Bob", "username": "bob{{SessionName}}", "groups": []},
        {"userARN": f"arn:aws:iam::{OTHER}:user/eve", "username": "eve", "groups": ["dev"]},
    ],
}
# About as many as one expression can have, by the limits of CEL.
for number in range(1000):
    row = {"roleARN": f"{ACCOUNT}role/Team-{number:05}", "username": f"team-{number:05}", "groups": ["dev", "team"]}
    SERVER["mapRoles"].append(row)
for number in range(MAX_DEPTH - 1):
    sso = {"permissionSetName": f"Set{number:03}", "accountID": OWN}
    SERVER["mapRoles"].append({"sso": sso, "username": f"set-{number}", "groups": ["sets"]})
ADMIN = f"{ACCOUNT}role/team/eu/Admin"
MAPPED = (
    f"{ACCOUNT}role/Team-00999",
    f"{ACCOUNT}{SSO_PATH}AWSReservedSSO_Set198_0123456789abcdef",
    ADMIN,
    f"{ACCOUNT}role/Odd",
    f"{ACCOUNT}role/Many",
    f"{ACCOUNT}{SSO_PATH}AWSReservedSSO_Ops_0123456789abcdef",
    f"{ACCOUNT}user/team/Bob",
    f"arn:aws:iam::{OTHER}:user/eve",
)
NOT_MAPPED = (
    f"{ACCOUNT}role/Lost",
    f"{ACCOUNT}role/admin/Other",
    f"{ACCOUNT}role/AWSReservedSSO_OpsX_0123456789abcdef",
    f"{ACCOUNT}user/Bob",
    f"{ACCOUNT}user/admin",
    "ann@example.com",  # with SubjectMode=OriginIdentity
)


def _encoded(data: bytes | int) -> str:
    raw = data.to_bytes((data.bit_length() + 7) // 8, "big") if isinstance(data, int) else data
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Issuer(NamedTuple):
    """Of several accounts: the path of its URL is the account."""

    url: str
    ca: bytes
    rsa: rsa.RSAPrivateKey
    ec: ec.EllipticCurvePrivateKey

    @property
    def urls(self) -> dict[str, str]:
        return {account: f"{self.url}/{account}" for account in (OWN, OTHER)}

    @property
    def keys(self) -> list[dict[str, str]]:
        """As AWS publishes them."""
        of_rsa, of_ec = self.rsa.public_key().public_numbers(), self.ec.public_key().public_numbers()
        modulus, exponent = _encoded(of_rsa.n), _encoded(of_rsa.e)
        x, y = (_encoded(number.to_bytes(48, "big")) for number in (of_ec.x, of_ec.y))
        return [
            {"kty": "RSA", "kid": "RSA_0", "use": "sig", "n": modulus, "e": exponent},
            {"kty": "EC", "kid": "EC384_0", "use": "sig", "alg": "ES384", "crv": "P-384", "x": x, "y": y},
        ]

    def token(self, subject: str, account: str = OWN, algorithm: str = "RS256", **changes: Any) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {"iss": self.urls[account], "aud": AUDIENCE, "sub": subject, "iat": now}
        claims |= {"exp": now + 300, "jti": f"{subject} {now}"}
        claims["https://sts.amazonaws.com/"] = {
            "aws_account": account,
            "source_region": "eu-west-1",
            "principal_id": subject,
            "principal_tags": {"team": "dev"},
            "request_tags": {"username": "admin", "groups": "system:masters"},
        }
        head = {"alg": algorithm, "kid": {"RS256": "RSA_0", "ES384": "EC384_0"}[algorithm], "typ": "JWT"}
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (head, claims | changes))
        if algorithm == "RS256":
            signature = self.rsa.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            numbers = decode_dss_signature(self.ec.sign(text.encode(), ec.ECDSA(hashes.SHA384())))
            signature = b"".join(number.to_bytes(48, "big") for number in numbers)
        return f"{text}.{_encoded(signature)}"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    authority = Authority(tmp_path_factory.mktemp("issuer"), "issuer")
    context = authority.server("tokens", "127.0.0.1").context
    keys = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())

    class Discovery(Handler):
        def do_GET(self) -> None:
            account, _, path = self.path[1:].partition("/")
            if path == ".well-known/openid-configuration":
                url = f"https://{self.headers['Host']}/{account}"
                algorithms = {"id_token_signing_alg_values_supported": ["RS256", "ES384"]}
                self.answer({"issuer": url, "jwks_uri": f"{url}/.well-known/jwks.json", **algorithms})
            else:
                self.answer({"keys": made.keys})

    with serving(Discovery, context) as url:
        made = Issuer(url, authority.pem, *keys)
        yield made


class Stand(NamedTuple):
    plane: ControlPlane
    issuer: Issuer
    written: bytes
    authenticator: Authenticator

    def became(self, token: str) -> tuple[str, tuple[str, ...]]:
        """Who has the token; nobody if it is rejected."""
        user: Mapping[str, Any] = self.plane.reviewed(token).get("user", {})
        return user.get("username", ""), tuple(user.get("groups", ()))


@pytest.fixture(scope="module", params=[components.KUBERNETES, components.NEWEST_KUBERNETES])
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Stand]:
    directory, (_, minor, _) = tmp_path_factory.mktemp("api"), request.param.split(".")
    text = yaml_bytes({"clusterID": AUDIENCE, "server": SERVER}).decode()
    authenticator = Authenticator.load(text, version="v0.7.9", args=["--feature-gates=SSORoleMatch=true"])
    converted = to_token_mappings(authenticator, "aws", issuer.urls)
    assert [remark.principal for remark in converted.remarks] == [f"{ACCOUNT}role/Lost"]
    made = write(converted.mappings, issuer.urls, AUDIENCE, (1, int(minor)))
    for each in made["jwt"]:
        each["issuer"]["certificateAuthority"] = issuer.ca.decode()
    path: Path = directory / "authentication.yaml"
    path.write_bytes(yaml_bytes(made))
    with control_plane(directory, [f"--authentication-config={path}"], request.param) as plane:
        stand = Stand(plane, issuer, path.read_bytes(), authenticator)
        tokens = [issuer.token(MAPPED[0], OWN), issuer.token(MAPPED[-1], OTHER)]
        # The API server gets the keys after its start.
        log = directory / "kube-apiserver.log"
        wait_until(lambda: all(stand.became(token)[0] for token in tokens), what=log.read_text)
        yield stand


def test_everybody_becomes_who_whois_says(stand: Stand) -> None:
    for subject in MAPPED:
        identity = identity_of(subject)
        before, after = stand.authenticator.whois(identity), whois(stand.written, "authentication.yaml", identity)
        assert (after.username, after.groups) == (before.username, before.groups or [])
        for algorithm in ("RS256", "ES384"):
            token = stand.issuer.token(subject, subject.split(":")[4], algorithm)
            assert stand.became(token) == (after.username, (*(after.groups or []), "system:authenticated"))


def test_nobody_else_logs_in(stand: Stand) -> None:
    """Nor with a token for others, and the issuer of an account names only its own principals."""
    rejected = {subject: stand.issuer.token(subject) for subject in NOT_MAPPED}
    rejected["audience"] = stand.issuer.token(MAPPED[0], aud="another")
    rejected["expired"] = stand.issuer.token(MAPPED[0], exp=1)
    rejected["another issuer"] = stand.issuer.token(MAPPED[0], iss="https://127.0.0.1/x")
    rejected["issuer of another account"] = stand.issuer.token(MAPPED[0], OTHER)
    rejected["principal of another account"] = stand.issuer.token(MAPPED[-1], OWN)
    assert {name: stand.became(token) for name, token in rejected.items()} == dict.fromkeys(rejected, ("", ()))


def test_kubectl_logs_in_with_a_token_that_it_gets(stand: Stand, tmp_path: Path) -> None:
    class Sts(Handler):
        def do_POST(self) -> None:
            self.answer(JWT_RESPONSE.format(token=stand.issuer.token(ADMIN)), media="text/xml")

    args = ["-m", "tarmak_iam", "token", "--oidc", "--cluster-id", AUDIENCE]
    program = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": args}
    made = json.loads(stand.plane.kubeconfig(""))
    made["users"][0]["user"] = {"exec": program | {"interactiveMode": "Never"}}
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(made))
    keys = {"AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}
    with serving(Sts) as url:
        more = {**keys, "AWS_ENDPOINT_URL_STS": url}
        done = stand.plane.kubectl("auth", "whoami", "-o", "json", kubeconfig=kubeconfig, more=more)
    assert done.code == 0, done.err
    user = json.loads(done.out)["status"]["userInfo"]
    assert (user["username"], user["groups"]) == ("admin", ["system:masters", f"of-{OWN}", "system:authenticated"])


def test_the_section_of_tarmak_makes_everybody_of_the_account_their_arn(tmp_path: Path, issuer: Issuer) -> None:
    """In the release that Tarmak installs, with the flags that its Puppet makes of the section."""
    section = oidc_section.write(issuer.urls[OWN], AUDIENCE)["kubernetes"]["apiServer"]["oidc"]
    names = {"issuerURL": "issuer-url", "clientID": "client-id", "usernameClaim": "username-claim"}
    flags = [f"--oidc-{(names | {'usernamePrefix': 'username-prefix'})[key]}={value}" for key, value in section.items()]
    ca = tmp_path / "issuer.pem"
    ca.write_bytes(issuer.ca)
    with control_plane(tmp_path, [*flags, f"--oidc-ca-file={ca}"], components.TARMAKS_KUBERNETES) as plane:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(plane.kubeconfig(issuer.token(NOT_MAPPED[0])))

        def refused() -> str:
            return plane.kubectl("get", "nodes", kubeconfig=kubeconfig).err

        wait_until(lambda: "Forbidden" in refused(), what=refused)
        assert f'User "{NOT_MAPPED[0]}" cannot list' in refused()
