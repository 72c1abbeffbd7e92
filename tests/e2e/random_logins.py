"""Random configurations of the authenticator, what they read, and callers: the same for the same seed.

Each is made as somebody would write it, and then damaged here and there, in a way that releases take differently. Most
of them start all the same, and most callers are mapped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

from tarmak_iam.identity import Identity
from tests.e2e.answering_daemons import Caller
from tests.e2e.written_configs import MERGE, Pairs, Raw, Written, as_flow, as_yaml

__all__ = ["HOSTS", "NODE_NAMES", "Login", "login_of"]

ACCOUNTS = ("111122223333", "444455556666", "012345678901")
NODE_NAMES = {
    "i-0123456789abcdef0": "ip-10-0-0-1.ec2.internal",
    "i-12345678": "ip-10-0-0-2.eu-west-1.compute.internal",
}
HOSTS = {
    "aws": ("sts.us-east-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"),
    "aws-cn": ("sts.cn-north-1.amazonaws.com.cn",),
    "aws-us-gov": ("sts.us-gov-west-1.amazonaws.com",),
    "aws-iso": ("sts.us-iso-east-1.c2s.ic.gov",),
    "aws-iso-b": ("sts.us-isob-east-1.sc2s.sgov.gov",),
    "aws-iso-e": ("sts.eu-isoe-west-1.cloud.adc-e.uk",),
    "aws-iso-f": ("sts.us-isof-south-1.csp.hci.ic.gov",),
    "aws-eusc": ("sts.eusc-de-east-1.amazonaws.eu",),
}
_NAMES = ("Admin", "Deployer", "Node", "Dev_Ops", "a.b", "AWSReservedSSO_View_0123456789abcdef")
_SESSIONS = ("ann@example.com", "@x@", "i-0123456789abcdef0", "i-12345678", "i-99999999", "a=b,c", "AdMin")
_TEMPLATES = (
    *("{{AccountID}}", "{{SessionName}}", "{{SessionNameRaw}}", "{{AccessKeyID}}", "{{EC2PrivateDNSName}}"),
    *("{{ SessionName }}", "{{sessionname}}", "{{Unknown}}", "{{AccountID"),
)
_USERNAMES = ("admin", "system:admin", "eks:x", "ops", "Ä", "a b", "UPPER", "-", "_")
_GROUPS = ("system:masters", "dev", "ops", "system:nodes", "team:a,b", "Ä")
_READ_BY = {"config": "MountedFile", "aws-auth": "EKSConfigMap", "dynamic": "DynamicFile", "objects": "CRD"}
"""The backend that reads mappings from each place."""
_ODD_SCALARS = (
    *("yes", "no", "on", "~", "null", "true", "false", "0", "1", "1.5", "1.0", "-1", "1e3", "012", "0o14", "0x1F"),
    *("''", ".inf", ".nan", "2001-01-01", "012345678901", "111122223333", "1_000", "!!str 12", "'1'", "' '", "Yes"),
    *("2001-12-14t21:59:43.10-05:00", "0b11", "+1", "1:30", "!!binary YWI=", "1e400", "12345678901234567890"),
)
_JSON_SCALARS = ("null", "true", "false", "0", "1", "1.5", "1.0", "-1", "1e3", '""', '"1"', "12345678901234567890")
_ODD_TEXTS = ("", " ", "''", '""', "``", "{", "text", "null", "---\n[]\n---\n[]\n", "- a: b: c", "a: 1", "\t")


@dataclass(frozen=True)
class Login:
    """A configuration with what the daemon finds beside it, and callers."""

    text: str
    filename: str
    args: tuple[str, ...]
    files: dict[str, str]
    """What the daemon reads on the master."""
    config_map: dict[str, Any] | None
    """aws-auth."""
    identity_mappings: list[dict[str, Any]]
    callers: tuple[Caller, ...]

    @property
    def cluster_file(self) -> str:
        """The objects of the cluster, as `whois` is given them."""
        items = [each for each in (self.config_map, *self.identity_mappings) if each is not None]
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def login_of(seed: int, callers: int, *, is_mounted: bool = False) -> Login:
    """`is_mounted`: only what a mappings file of dev-cluster has, for the flags that `manifests` makes."""
    return _Generator(Random(seed), is_mounted=is_mounted).login(callers)


class _Generator:
    def __init__(self, random: Random, *, is_mounted: bool) -> None:
        self.random, self.is_mounted = random, is_mounted
        chance = random.choice((0.01, 0.03, 0.08, 0.2))
        often = {"config": 0.42, "aws-auth": 0.7, "dynamic": 0.7, "modes": 0.7, "objects": 0.7}
        self.odds = {place: chance if self.maybe(often[place]) else 0.0 for place in often}
        """How often something is odd, by where: what is odd in the configuration mostly ends the daemon."""
        self.is_json = not is_mounted and self.maybe(0.08)
        self.partition = "aws" if is_mounted or self.maybe(0.75) else self.one_of(*HOSTS)
        self.modes = ("MountedFile",) if is_mounted else self._modes()
        self.is_strict = self.maybe(0.4)
        self.arns: dict[str, list[str]] = {place: [] for place in _READ_BY}
        """What is mapped, by where."""

    def one_of(self, *values: Any) -> Any:
        return self.random.choice(values)

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def login(self, callers: int) -> Login:
        config = self._config()
        return Login(
            text=as_flow(config) if self.is_json else as_yaml(config),
            filename="config.json" if self.is_json else "config.yaml",
            args=() if self.is_mounted else self._args(),
            files=self._files(),
            config_map=self._config_map() if "EKSConfigMap" in self.modes or self.maybe(0.1) else None,
            identity_mappings=self._identity_mappings() if "CRD" in self.modes else [],
            callers=tuple(self._caller() for _ in range(callers)),
        )

    def _config(self) -> Pairs:
        odd = self.odds["config"]
        server = [*self._lists("config", 0.5), *self._settings()]
        kept = [pair for pair in server if not self.maybe(0.08 if pair[0].startswith("map") else odd)]
        self.random.shuffle(kept)
        cluster = "dev-cluster" if self.is_mounted or not self.maybe(odd) else self.one_of("a b", Raw("1"), Raw("~"))
        pairs = [("clusterID", cluster), ("server", Pairs(self._damaged_pairs(kept, "config")))]
        if self.maybe(odd):
            key, value = self._lists("config", 0)[0]
            no_server = self.one_of(Raw("null"), Pairs(()), (), "text", Raw("1"))
            others = (("server.partition", "aws"), ("ClusterID", "other"), ("clusterid", Raw("1")))
            pairs.append(self.one_of((key, value), (f"server.{key}", value), ("server", no_server), *others))
        self.random.shuffle(pairs)
        return Pairs(tuple(pairs))

    def _modes(self) -> tuple[str, ...]:
        if self.maybe(0.35):
            return ("MountedFile",)
        modes = self.random.sample(sorted(_READ_BY.values()), self.one_of(1, 1, 2, 2, 3, 4))
        odd = ("File", "ConfigMap", "mountedfile", "MountedFile", "", "Other")
        return (*modes, *((self.one_of(*odd),) if self.maybe(self.odds["config"]) else ()))

    def _args(self) -> tuple[str, ...]:
        possible = {
            f"--feature-gates={self.one_of('SSORoleMatch=true', 'AllAlpha=true', 'SSORoleMatch=false')}": 0.25,
            f"--backend-mode={','.join(self.modes)}": 0.05,
            self.one_of(f"--partition={self.partition}", "--cluster-id=flag", "-iflag"): 0.04,
            self.one_of("-i", "--unknown=1", "--partition=other"): self.odds["config"] / 10,
        }
        return tuple(arg for arg, chance in possible.items() if self.maybe(chance))

    def _settings(self) -> list[tuple[str, Written]]:
        """Of the server, but the mappings."""
        mounted, dynamic = self.modes == ("MountedFile",), "DynamicFile" in self.modes
        if self.maybe(self.odds["config"] / 5):
            dynamic = not dynamic
        truths = ("true", "true", "true", '"yes"', '"1"', '"T"', '"0.5"', self._odd_scalar("config").text)
        of_backends = [
            (0.3 if mounted else 1, "backendMode", self.one_of(self.modes, self.modes, " ".join(self.modes))),
            (dynamic, "dynamicfilepath", self.one_of("/etc/dynamic.json", "/etc/a/dynamic.json", "dynamic.json")),
            (0.08, "dynamicBackendModePath", "/etc/modes.json"),
        ]
        possible = [
            *([] if self.is_mounted else of_backends),
            (0 if self.partition == "aws" else 0.8, "partition", self.partition),
            (self.is_strict, "dynamicfileUserIDStrict", Raw(self.one_of(*truths))),
            (0.2, "scrubbedAccounts", self.one_of((ACCOUNTS[0],), ACCOUNTS[:2], " ".join(ACCOUNTS[:2]), ())),
            (0.25, "reservedPrefixConfig", tuple(self._reserved() for _ in range(self.one_of(1, 1, 2)))),
            (0.02, "ec2DescribeInstancesRoleARN", self.one_of("arn:aws:iam::1:role/D", "x", "", "arn:a:b:c:d:e:f")),
            (0.02, "sourceARN", self.one_of("garbage", "arn:aws:eks:us-east-1:1:cluster/a", "")),
            # Not the burst: with 0 the authenticator crashes when it asks EC2, and here it does not ask.
            (0.02, "ec2DescribeInstancesQps", self.one_of(Raw("0"), self._odd_scalar("config"))),
            (0.01, "address", self.one_of("127.0.0.1", "x")),
            (0.01, "hostname", self.one_of("h", "hö")),
            (0.01, "port", self.one_of(Raw("70000"), Raw("21362"), "abc", Raw("-1"))),
        ]
        return [(key, value) for chance, key, value in possible if self.maybe(chance)]

    def _reserved(self) -> Written:
        prefixes = tuple(self.one_of("system:", "eks:", "a", "arn:", "") for _ in range(self.one_of(1, 2)))
        mode = self.one_of(*self.modes, "MountedFile", "mountedfile")
        return Pairs.of(("backendMode", mode), ("usernamePrefixReserveList", prefixes))

    def _lists(self, place: str, accounts: float) -> list[tuple[str, Written]]:
        """mapRoles, mapUsers, and by chance mapAccounts."""
        made: list[tuple[str, Written]] = [
            (key, self._mappings(kind, place)) for key, kind in (("mapRoles", "role"), ("mapUsers", "user"))
        ]
        if self.maybe(accounts):
            made.append(("mapAccounts", tuple(self.one_of(*ACCOUNTS, "4444") for _ in range(self.one_of(1, 1, 2)))))
        return made

    def _mappings(self, kind: str, place: str) -> tuple[Pairs, ...]:
        return tuple(self._mapping(kind, place) for _ in range(self.one_of(0, 1, 2, 3)))

    def _mapping(self, kind: str, place: str) -> Pairs:
        has_ids = self.is_strict and place == "dynamic"
        arn = self._arn(kind, place)
        pairs: list[tuple[str, Written]] = [(self.one_of(f"{kind}arn", f"{kind}ARN"), arn)]
        if kind == "role" and self.maybe(0.07):
            sets = (("permissionSetName", self.one_of("View", "View", "Dev_Ops", "vi")), ("accountID", ACCOUNTS[0]))
            partition = (("partition", self.one_of("aws", "aws-cn", self.partition, "other")),) * self.maybe(0.1)
            pairs = [*pairs[not self.maybe(self.odds[place]) :], ("sso", Pairs((*sets, *partition)))]
        if self.maybe(0.95):
            pairs.append(("username", self._username()))
        if self.maybe(0.9):
            pairs.append(("groups", tuple(self._group() for _ in range(self.one_of(0, 1, 1, 2)))))
        if self.maybe(0.95 if has_ids else 0.05):
            pairs.append((self.one_of("userid", "userid", "UserId"), _unique_id(arn)))
        if self.maybe(self.odds[place] * (3 if has_ids else 1)):
            pairs[0] = (pairs[0][0], self._misspelt(arn))
        return Pairs(tuple(pairs))

    def _username(self) -> str:
        text: str = self.one_of(*_USERNAMES)
        return self.one_of(f"{text}:", "") + self.one_of(*_TEMPLATES) if self.maybe(0.6) else text

    def _group(self) -> str:
        return str(self.one_of(*(_TEMPLATES if self.maybe(0.1) else _GROUPS)))

    def _arn(self, kind: str, place: str) -> str:
        known = self.arns["config"] + self.arns[place]
        arn = self.random.choice(known) if known and self.maybe(0.25) else self._new_arn(kind)
        self.arns[place].append(arn)
        return arn

    def _new_arn(self, kind: str) -> str:
        partition = self.partition if self.maybe(0.93) else self.one_of(*HOSTS)
        account, name = self.one_of(*ACCOUNTS), self.one_of(*_NAMES)
        sts = f"arn:{partition}:sts::{account}"
        of_iam = f"{kind}/{self.one_of('', '', '', 'team/', 'a/b/')}{name}"
        others = (f"arn:{partition}:iam::{account}:root", f"{sts}:federated-user/{name}")
        session = f"{sts}:assumed-role/{name}/{self.one_of(*_SESSIONS)}"
        return f"arn:{partition}:iam::{account}:{of_iam}" if self.maybe(0.94) else str(self.one_of(*others, session))

    def _misspelt(self, arn: str) -> str:
        head, _, name = arn.rpartition("/")
        return str(
            self.one_of(
                *("garbage", "", " ", f" {arn}", f"{arn} ", f"{arn}/", f"{head}/*", arn.upper(), arn.lower()),
                *(arn.replace("arn:", "ARN:", 1), arn.replace(":iam:", ":IAM:"), arn.replace("::", ":"), f"{arn}:x"),
                *(arn.replace(f"arn:{self.partition}:", "arn:other:", 1), arn.replace(":role/", ":Role/"), f"{arn}/x"),
                *(arn.replace("s", "\u017f"), arn.replace("K", "\u212a")),
                *(f"{head}/{name.upper()}", f"{head}/{name.lower()}"),
                *("arn:aws:iam::111122223333:role", "arn:aws:sts::111122223333:assumed-role/Admin", "arn:aws:iam::"),
                *("arn:aws:iam::111122223333:", "arn:aws:s3:::bucket", arn.replace("::", ":us-east-1:"), "arn:::::r/x"),
            )
        )

    def _damaged(self, value: Written, place: str) -> Written:
        """Of which each part may be odd."""
        odd = self.odds[place]
        if isinstance(value, tuple):
            items = tuple(self._damaged(each, place) for each in value)
            is_text = self.maybe(odd) and all(isinstance(each, str) for each in items)
            return ",".join(map(str, items)) if is_text else items
        if not isinstance(value, Pairs):
            return self._odd_scalar(place) if self.maybe(odd / 4) else value
        pairs = Pairs(self._damaged_pairs(value.items, place))
        other: Written = self.one_of(Raw("null"), "text", (), Raw("1"), (pairs,))
        return other if self.maybe(odd / 3) else pairs

    def _damaged_pairs(self, pairs: Iterable[tuple[str, Written]], place: str) -> tuple[tuple[str, Written], ...]:
        odd = self.odds[place]
        made = [self._damaged_pair(*pair, place) for pair in pairs]
        if made and self.maybe(odd if place == "dynamic" else odd / 4):
            (key, value), (_, other) = self.random.choice(made), self.random.choice(made)
            made.append((self.one_of(key, key.upper(), key.title()), self.one_of(value, other)))
        if made and self.maybe(odd / 2) and not self._is_json(place):
            merged = Pairs((self.random.choice(made), *made[:1]))
            made.append((MERGE, self.one_of(merged, merged, (merged, merged), "text", Raw("null"))))
        return tuple(made)

    def _damaged_pair(self, key: str, value: Written, place: str) -> tuple[str, Written]:
        odd = self.odds[place]
        made = self._damaged(value, place)
        if self.maybe(odd / 2):
            made = self.one_of(self._odd_scalar(place), (made,), Pairs.of(("a", made)), "text", "a,b", ())
        keys = (key.upper(), key.lower(), key.title(), f"{key}x", key.replace("s", "\u017f"))
        return self.one_of(*keys) if self.maybe(odd) else key, made

    def _is_json(self, place: str) -> bool:
        return self.is_json if place == "config" else place != "aws-auth"

    def _odd_scalar(self, place: str) -> Raw:
        return Raw(self.one_of(*(_JSON_SCALARS if self._is_json(place) else _ODD_SCALARS)))

    def _files(self) -> dict[str, str]:
        made: dict[str, str] = {}
        if ("DynamicFile" in self.modes or self.maybe(0.1)) and self.maybe(0.97):
            made["dynamic.json"] = as_flow(self._dynamic_file())
        if self.maybe(0.5):
            named = " ".join(self._modes()) if self.maybe(0.9) else self.one_of("Other", "", "MountedFile  CRD")
            made["modes.json"] = as_flow(self._damaged(Pairs.of(("backendMode", named), *self._times()), "modes"))
        return made

    def _times(self) -> tuple[tuple[str, Written], ...]:
        return (("LastUpdatedDateTime", "1764000000"), ("Version", "1")) if self.maybe(0.3) else ()

    def _dynamic_file(self) -> Written:
        odd = self.odds["dynamic"]
        lists = [each for each in self._lists("dynamic", 0.4) if not self.maybe(0.08)]
        made = self._damaged(Pairs((*lists, *self._times())), "dynamic")
        if isinstance(made, Pairs) and lists and self.maybe(2 * odd):
            # Go decodes into what the first one of a name has left.
            key, part = self.random.choice(lists)[0], self.one_of(1, 2, 4)
            again = self._mappings("user" if key == "mapUsers" else "role", "dynamic")
            parts = tuple(Pairs(each.items[:part]) for each in again)
            made = Pairs((*made.items, (self.one_of(key, key, key.lower(), key.upper()), parts)))
        broken: Written = self.one_of(Raw("null"), Raw("{"), (), "text", Raw(""))
        return broken if self.maybe(odd / 4) else made

    def _config_map(self) -> dict[str, Any]:
        odd, data = self.odds["aws-auth"], dict[str, str]()
        for key, value in self._lists("aws-auth", 0.5):
            made = self._damaged(value, "aws-auth")
            text = as_flow(made) if self.maybe(0.2) else as_yaml(made)
            if not self.maybe(0.1):
                name = self.one_of(key.lower(), "other") if self.maybe(odd / 2) else key
                data[name] = self.one_of(*_ODD_TEXTS) if self.maybe(odd / 2) else text
        metadata = {"name": "aws-auth", "namespace": "kube-system"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    def _identity_mappings(self) -> list[dict[str, Any]]:
        made = []
        for number in range(self.one_of(1, 2, 3)):
            arn = self._arn("role", "objects")
            groups = [self._group() for _ in range(self.one_of(0, 1, 2))]
            written = self._misspelt(arn) if self.maybe(self.odds["objects"]) else arn
            kind = {"apiVersion": "iamauthenticator.k8s.aws/v1alpha1", "kind": "IAMIdentityMapping"}
            spec = {"arn": written, "username": self._username(), "groups": groups}
            made.append({**kind, "metadata": {"name": f"m{number:02}"}, "spec": spec})
        return made

    def _caller(self) -> Caller:
        """What STS says of somebody, who mostly has an ARN that is mapped."""
        places = [place for place, mode in _READ_BY.items() if mode in self.modes or self.maybe(0.1)]
        known = [arn for place in places for arn in self.arns[place]]
        arn = self.random.choice(known) if known and self.maybe(0.9) else self._new_arn("role")
        if self.maybe(0.1):
            head, slash, name = arn.rpartition("/")
            arn = head + slash + self.one_of(name.lower(), name.upper(), f"{name}x")
        partition, account = arn.split(":")[1], arn.split(":")[4]
        unique = _unique_id(arn) if self.maybe(0.92) else "AROAOTHER"
        name = arn.rpartition("/")[2]
        if ":role/" in arn:
            session = self.one_of(*_SESSIONS)
            arn, unique = f"arn:{partition}:sts::{account}:assumed-role/{name}/{session}", f"{unique}:{session}"
        elif ":assumed-role/" in arn:
            unique = f"{unique}:{name}"
        elif ":federated-user/" in arn:
            unique = f"{account}:{name}"
        elif arn.endswith(":root"):
            unique = account
        identity = Identity(arn, account, unique, self.one_of("ASIAEXAMPLEKEY000001", "AKIAEXAMPLEKEY000002"))
        return Caller(identity, self.one_of(*HOSTS.get(partition, HOSTS["aws"])))


def _unique_id(arn: str) -> str:
    """The same for the same name: callers have those of the mappings."""
    name = arn.rpartition("/")[2] if ":assumed-role/" not in arn else arn.split("/")[1]
    return ("AROA" if "role/" in arn else "AIDA") + name.upper().replace("_", "").replace(".", "")
