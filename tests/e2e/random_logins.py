"""Random configurations of the authenticator, what they read, and callers: the same for the same seed.

Most of them start, and most callers are mapped; each has a few of the oddities that releases take differently.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
_SESSIONS = ("s1", "ann@example.com", "i-0123456789abcdef0", "i-12345678", "i-99999999", "a=b,c", "AdMin")
_TEMPLATES = (
    *("{{AccountID}}", "{{SessionName}}", "{{SessionNameRaw}}", "{{AccessKeyID}}", "{{EC2PrivateDNSName}}"),
    *("{{ SessionName }}", "{{sessionname}}", "{{Unknown}}", "{{AccountID"),
)
_TEXTS = ("admin", "system:admin", "eks:x", "ops", "Ä", "a b", "UPPER", "-", "_")
_GROUPS = ("system:masters", "dev", "ops", "system:nodes", "team:a,b", "Ä")
_ODD_PLACES = {"config": 0.35, "aws-auth": 0.7, "dynamic": 0.7, "modes": 0.7, "objects": 0.7}
_OF_BACKENDS = ("backendMode", "dynamicfilepath", "dynamicBackendModePath")
_READ_BY = {"config": "MountedFile", "aws-auth": "EKSConfigMap", "dynamic": "DynamicFile", "objects": "CRD"}
_ODD_SCALARS = (
    *("yes", "no", "on", "~", "null", "true", "false", "0", "1", "1.5", "1.0", "-1", "1e3", "012", "0o14", "0x1F"),
    *("''", ".inf", ".nan", "2001-01-01", "012345678901", "111122223333", "1_000", "!!str 12", "'1'", "' '", "Yes"),
    *("2001-12-14t21:59:43.10-05:00", "0b11", "+1", "1:30", "!!binary YWI=", "1e400", "12345678901234567890"),
)
_JSON_SCALARS = ("null", "true", "false", "0", "1", "1.5", "1.0", "-1", "1e3", '""', '"1"', "12345678901234567890")


@dataclass(frozen=True)
class Login:
    """A configuration with what the daemon finds beside it, and callers."""

    config: Written
    args: tuple[str, ...] = ()
    is_json: bool = False
    dynamic_file: Written | None = None
    modes_file: Written | None = None
    aws_auth: Pairs | None = None
    """The ConfigMap's data: each value is the text of a YAML document."""
    objects: tuple[Pairs, ...] = ()
    """The specs of IAMIdentityMapping objects."""
    callers: tuple[Caller, ...] = ()

    @property
    def text(self) -> str:
        return as_flow(self.config) if self.is_json else as_yaml(self.config)

    @property
    def filename(self) -> str:
        return "config.json" if self.is_json else "config.yaml"

    @property
    def config_map(self) -> dict[str, Any] | None:
        if self.aws_auth is None:
            return None
        data = {key: value.text if isinstance(value, Raw) else as_yaml(value) for key, value in self.aws_auth.items}
        metadata = {"name": "aws-auth", "namespace": "kube-system"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    @property
    def identity_mappings(self) -> list[dict[str, Any]]:
        return [
            {
                "apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
                "kind": "IAMIdentityMapping",
                "metadata": {"name": f"m{number:02}"},
                "spec": json.loads(as_flow(spec)),
            }
            for number, spec in enumerate(self.objects)
        ]

    @property
    def files(self) -> dict[str, str]:
        """What the daemon reads on the master."""
        written = {"dynamic.json": self.dynamic_file, "modes.json": self.modes_file}
        return {name: as_flow(value) for name, value in written.items() if value is not None}

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
        self.odds = {place: chance if random.random() < often else 0.0 for place, often in _ODD_PLACES.items()}
        """How often something is odd, by where: what is odd in the configuration mostly ends the daemon."""
        self.place = "config"
        self.whole = 1.0
        """How much of a mapping is written."""
        self.is_json = not is_mounted and random.random() < 0.08
        self.partition = "aws" if is_mounted or random.random() < 0.75 else self.one_of(*HOSTS)
        self.arns: dict[str, list[str]] = {place: [] for place in _ODD_PLACES}
        """What is mapped, by where."""

    def login(self, callers: int) -> Login:
        modes = self._modes()
        is_strict = self.maybe(0.4)
        server = [("mapRoles", self._mappings("role")), ("mapUsers", self._mappings("user"))]
        server += [("mapAccounts", self._accounts())] if self.maybe(0.5) else []
        server += self._settings(modes, is_strict=is_strict)
        if self.is_mounted:
            server = [each for each in server if each[0] not in _OF_BACKENDS]
        kept = [
            self._odd_pair(*pair) for pair in server if not self.maybe(0.08 if pair[0].startswith("map") else self.odd)
        ]
        if self.maybe(self.odd):
            kept.append(self._odd_pair(*self.random.choice(kept or server)))
        self.random.shuffle(kept)
        config: list[tuple[str, Written]] = [("clusterID", self._cluster_id()), ("server", Pairs(tuple(kept)))]
        if self.maybe(self.odd):
            config.append(self._odd_top())
        self.random.shuffle(config)
        files = self._files(modes, is_strict=is_strict)
        return Login(
            Pairs(tuple(config)),
            self._args(modes),
            self.is_json,
            *files,
            tuple(self._caller(modes) for _ in range(callers)),
        )

    @property
    def odd(self) -> float:
        return self.odds[self.place]

    @contextmanager
    def within(self, place: str) -> Iterator[None]:
        """What is made in it is of another file: JSON, but for the texts of aws-auth."""
        before = self.place, self.is_json
        self.place, self.is_json = place, place != "aws-auth"
        yield
        self.place, self.is_json = before

    def one_of(self, *values: Any) -> Any:
        return self.random.choice(values)

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def _cluster_id(self) -> Written:
        return "dev-cluster" if self.is_mounted else self._scalar(self.one_of("test", "test", "a b"))

    def _odd_top(self) -> tuple[str, Written]:
        odd: tuple[str, Written] = self.one_of(
            ("server.mapAccounts", self._accounts()),
            ("server.partition", "aws"),
            ("server", self.one_of(Raw("null"), Pairs(()), (), "text", Raw("1"))),
            ("mapRoles", self._mappings("role")),
            ("ClusterID", "other"),
            ("clusterid", Raw("1")),
            ("server.MapRoles", self._mappings("role")),
        )
        return odd

    def _modes(self) -> tuple[str, ...]:
        names = ["MountedFile", "EKSConfigMap", "CRD", "DynamicFile"]
        if self.is_mounted or self.maybe(0.35):
            return ("MountedFile",)
        modes = self.random.sample(names, self.one_of(1, 1, 2, 2, 3, 4))
        if self.maybe(self.odd):
            modes.append(self.one_of("File", "ConfigMap", "mountedfile", "MountedFile", "", "Other"))
        return tuple(modes)

    def _args(self, modes: tuple[str, ...]) -> tuple[str, ...]:
        args: list[str] = []
        if self.is_mounted:
            return ()
        if self.maybe(0.15):
            args.append(f"--feature-gates={self.one_of('SSORoleMatch=true', 'AllAlpha=true', 'SSORoleMatch=false')}")
        if self.maybe(0.05):
            args.append(f"--backend-mode={','.join(modes)}")
        if self.maybe(0.04):
            args.append(self.one_of(f"--partition={self.partition}", "--cluster-id=flag", "-iflag"))
        if self.maybe(self.odd / 10):
            args.append(self.one_of("-i", "--unknown=1", "--partition=other"))
        return tuple(args)

    def _settings(self, modes: tuple[str, ...], *, is_strict: bool) -> list[tuple[str, Written]]:
        made: list[tuple[str, Written]] = []
        if modes != ("MountedFile",) or self.maybe(0.3):
            made.append(("backendMode", self.one_of(tuple(modes), tuple(modes), tuple(modes), " ".join(modes))))
        if self.partition != "aws" and self.maybe(0.8):
            made.append(("partition", self.partition))
        if ("DynamicFile" in modes) != self.maybe(self.odd / 5):
            third = "/etc/other.json" if self.maybe(0.1) else "dynamic.json"
            made.append(("dynamicfilepath", self.one_of("/etc/dynamic.json", "/etc/a/dynamic.json", third)))
        if is_strict:
            strict = Raw("true") if self.maybe(0.7) else self._scalar(self.one_of("true", "yes", "1", "T", "0.5"), 0.6)
            made.append(("dynamicfileUserIDStrict", strict))
        if self.maybe(0.08):
            made.append(("dynamicBackendModePath", "/etc/modes.json"))
        if self.maybe(0.2):
            made.append(("scrubbedAccounts", self.one_of((ACCOUNTS[0],), ACCOUNTS[:2], " ".join(ACCOUNTS[:2]), ())))
        if self.maybe(0.25):
            made.append(("reservedPrefixConfig", tuple(self._reserved(modes) for _ in range(self.one_of(1, 1, 2)))))
        if self.maybe(0.05):
            made += self._process_settings()
        return made

    def _process_settings(self) -> list[tuple[str, Written]]:
        arn = self.one_of(f"arn:aws:iam::{ACCOUNTS[0]}:role/Describe", "garbage", "", "arn:a:b:c:d:e:f")
        made: list[tuple[str, Written]] = [("ec2DescribeInstancesRoleARN", arn)]
        if self.maybe(0.5):
            made.append(("sourceARN", self.one_of("garbage", "arn:aws:eks:us-east-1:1:cluster/a", "")))
        if self.maybe(0.3):
            # Not the burst: with 0 the authenticator crashes when it asks EC2, and here it does not ask.
            made.append(("ec2DescribeInstancesQps", self._scalar("0", 0.9)))
        if self.maybe(0.2):
            made.append(self.one_of(("address", "127.0.0.1"), ("address", "x"), ("hostname", "h"), ("hostname", "hö")))
        if self.maybe(0.1):
            made.append(("port", self.one_of(Raw("70000"), Raw("21362"), "abc", Raw("-1"))))
        return made

    def _reserved(self, modes: tuple[str, ...]) -> Written:
        made = (self._scalar(self.one_of("system:", "eks:", "a", "arn:", "")) for _ in range(self.one_of(1, 2)))
        prefixes = tuple(made)
        mode = self.one_of(*modes, "MountedFile", "mountedfile")
        return self._odd_pairs(("backendMode", self._scalar(mode)), ("usernamePrefixReserveList", prefixes))

    def _accounts(self) -> Written:
        return tuple(self._scalar(self.one_of(*ACCOUNTS, "4444")) for _ in range(self.one_of(1, 1, 2)))

    def _mappings(self, kind: str, *, has_ids: bool = False) -> Written:
        return tuple(self._mapping(kind, has_ids=has_ids) for _ in range(self.one_of(0, 1, 2, 3)))

    def _mapping(self, kind: str, *, has_ids: bool) -> Written:
        arn = self._arn(kind)
        written = self._misspelt(arn) if self.maybe(self.odd * (3 if has_ids else 1)) else arn
        pairs: list[tuple[str, Written]] = [(self.one_of(f"{kind}arn", f"{kind}ARN"), self._scalar(written))]
        if self.maybe(0.95 * self.whole):
            pairs.append(("username", self._scalar(self._name())))
        if self.maybe(0.9 * self.whole):
            pairs.append(("groups", self._list(self._group, self.one_of(0, 1, 1, 2))))
        if self.maybe((0.95 if has_ids else 0.05) * self.whole):
            pairs.append((self.one_of("userid", "userid", "UserId"), self._scalar(_unique_id(arn))))
        if kind == "role" and self.maybe(0.06):
            pairs = [*pairs[0 if self.maybe(self.odd) else 1 :], ("sso", self._sso())]
        return self._odd_pairs(*pairs)

    def _sso(self) -> Written:
        pairs: list[tuple[str, Written]] = [
            ("permissionSetName", self._scalar(self.one_of("View", "View", "Dev_Ops", "vi"))),
            ("accountID", self._scalar(self.one_of(*ACCOUNTS[:2], ACCOUNTS[0]))),
        ]
        if self.maybe(0.1):
            pairs.append(("partition", self._scalar(self.one_of("aws", "aws-cn", self.partition))))
        if self.maybe(self.odd):
            pairs[self.one_of(0, -1)] = self.one_of(
                ("permissionSetName", ""), ("accountID", "1"), ("partition", "other")
            )
        return self._odd_pairs(*pairs)

    def _odd_pairs(self, *pairs: tuple[str, Written]) -> Written:
        kept = [self._odd_pair(*each) for each in pairs]
        if self.maybe(self.odd if self.place == "dynamic" else self.odd / 4):
            again, other = self.random.choice(pairs), self.random.choice(pairs)
            kept.append((self.one_of(again[0], again[0].upper(), again[0].title()), self.one_of(again[1], other[1])))
        if self.maybe(self.odd / 2) and self.place in ("config", "aws-auth"):
            merged = Pairs((self.random.choice(pairs), *kept[:1]))
            kept.append((MERGE, self.one_of(merged, merged, (merged, merged), "text", Raw("null"))))
        if self.maybe(self.odd / 3):
            return self.one_of(Raw("null"), "text", (), Raw("1"), (Pairs(tuple(kept)),))  # type: ignore[no-any-return]
        return Pairs(tuple(kept))

    def _odd_pair(self, key: str, value: Written) -> tuple[str, Written]:
        if self.maybe(self.odd):
            key = self.one_of(key.upper(), key.lower(), key.title(), f"{key}x", key.replace("s", "\u017f"))
        if self.maybe(self.odd / 2):
            value = self.one_of(self._odd_scalar(), (value,), Pairs.of(("a", value)), "text", "a,b", ())
        return key, value

    def _list(self, make: Callable[[], str], count: int) -> Written:
        if self.maybe(self.odd):
            return ",".join(make() for _ in range(count))
        return tuple(self._scalar(make()) for _ in range(count))

    def _scalar(self, text: str, odd: float = 0.0) -> Written:
        return self._odd_scalar() if self.maybe(max(odd, self.odd / 4)) else text

    def _odd_scalar(self) -> Written:
        return Raw(self.one_of(*(_JSON_SCALARS if self.is_json else _ODD_SCALARS)))

    def _name(self) -> str:
        text: str = self.one_of(*_TEXTS)
        if self.maybe(0.4):
            text = self.one_of(text + ":", "") + self.one_of(*_TEMPLATES)
        return text

    def _group(self) -> str:
        return self.one_of(*_TEMPLATES) if self.maybe(0.1) else self.one_of(*_GROUPS)  # type: ignore[no-any-return]

    def _arn(self, kind: str) -> str:
        known = self.arns["config"] + self.arns[self.place]
        arn = self.random.choice(known) if known and self.maybe(0.25) else self._new_arn(kind)
        self.arns[self.place].append(arn)
        return arn

    def _new_arn(self, kind: str) -> str:
        partition = self.partition if self.maybe(0.93) else self.one_of(*HOSTS)
        account = self.one_of(*ACCOUNTS)
        kind = kind if self.maybe(0.9) else self.one_of("role", "user", "root", "federated-user", "assumed-role")
        name = self.one_of(*_NAMES)
        path = self.one_of("", "", "", "team/", "a/b/")
        if kind == "root":
            return f"arn:{partition}:iam::{account}:root"
        if kind == "federated-user":
            return f"arn:{partition}:sts::{account}:federated-user/{name}"
        if kind == "assumed-role":
            return f"arn:{partition}:sts::{account}:assumed-role/{name}/{self.one_of(*_SESSIONS)}"
        return f"arn:{partition}:iam::{account}:{kind}/{path}{name}"

    def _misspelt(self, arn: str) -> str:
        head, _, name = arn.rpartition("/")
        return self.one_of(  # type: ignore[no-any-return]
            *("garbage", "", " ", f" {arn}", f"{arn} ", f"{arn}/", f"{head}/*", arn.upper(), arn.lower()),
            *(arn.replace("arn:", "ARN:", 1), arn.replace(":iam:", ":IAM:"), arn.replace("::", ":"), f"{arn}:x"),
            *(arn.replace(f"arn:{self.partition}:", "arn:other:", 1), arn.replace(":role/", ":Role/"), f"{arn}/x"),
            *(arn.replace("s", "\u017f"), arn.replace("K", "\u212a")),
            *(f"{head}/{name.upper()}", f"{head}/{name.lower()}"),
            *("arn:aws:iam::111122223333:role", "arn:aws:sts::111122223333:assumed-role/Admin", "arn:aws:iam::"),
            *("arn:aws:iam::111122223333:", "arn:aws:s3:::bucket", arn.replace("::", ":us-east-1:"), "arn:::::role/x"),
        )

    def _files(
        self, modes: tuple[str, ...], *, is_strict: bool
    ) -> tuple[Written | None, Written | None, Pairs | None, tuple[Pairs, ...]]:
        with self.within("aws-auth"):
            aws_auth = self._aws_auth() if "EKSConfigMap" in modes or self.maybe(0.1) else None
        with self.within("dynamic"):
            dynamic = self._dynamic_file(is_strict=is_strict) if "DynamicFile" in modes or self.maybe(0.1) else None
        with self.within("modes"):
            switched = self._modes_file() if self.maybe(0.5) else None
        with self.within("objects"):
            objects = tuple(self._spec() for _ in range(self.one_of(1, 2, 3))) if "CRD" in modes else ()
        return dynamic if self.maybe(0.97) else None, switched, aws_auth, objects

    def _aws_auth(self) -> Pairs:
        pairs = [("mapRoles", self._mappings("role")), ("mapUsers", self._mappings("user"))]
        pairs += [("mapAccounts", self._accounts())] if self.maybe(0.5) else []
        return Pairs(tuple(self._odd_text(key, value) for key, value in pairs if not self.maybe(0.1)))

    def _odd_text(self, key: str, value: Written) -> tuple[str, Written]:
        if self.maybe(self.odd / 2):
            odd = ("", " ", "''", '""', "``", "{", "text", "null", "---\n[]\n---\n[]\n", "- a: b: c", "a: 1", "\t")
            return key, Raw(self.one_of(*odd))
        if self.maybe(self.odd / 2):
            return self.one_of(key.lower(), "other"), value
        return key, Raw(as_flow(value)) if self.maybe(0.2) else value

    def _dynamic_file(self, *, is_strict: bool) -> Written:
        pairs: list[tuple[str, Written]] = [
            ("mapRoles", self._mappings("role", has_ids=is_strict)),
            ("mapUsers", self._mappings("user", has_ids=is_strict)),
        ]
        pairs += [("mapAccounts", self._accounts())] if self.maybe(0.4) else []
        pairs += self._times()
        pairs = [self._odd_pair(*each) for each in pairs if not self.maybe(0.08)]
        if pairs and self.maybe(2 * self.odd):
            key, _ = self.random.choice(pairs)
            self.whole = self.one_of(1, 0.6, 0.3)
            again = self._mappings("user" if "user" in key.lower() else "role", has_ids=is_strict)
            pairs.append((self.one_of(key, key, key.lower(), key.upper()), again))
        if self.maybe(self.odd / 4):
            return self.one_of(Raw("null"), Raw("{"), (), "text", Raw(""))  # type: ignore[no-any-return]
        return Pairs(tuple(pairs))

    def _times(self) -> list[tuple[str, Written]]:
        if not self.maybe(0.3):
            return []
        return [("LastUpdatedDateTime", self._scalar("1764000000")), ("Version", self._scalar("1"))]

    def _modes_file(self) -> Written:
        modes = " ".join(self._modes()) if self.maybe(0.9) else self.one_of("Other", "", "MountedFile  CRD")
        return self._odd_pairs(("backendMode", self._scalar(modes)), *self._times())

    def _spec(self) -> Pairs:
        names = tuple(self._group() for _ in range(self.one_of(0, 1, 2)))
        arn = self._arn("role")
        written = self._misspelt(arn) if self.maybe(self.odd) else arn
        return Pairs.of(("arn", written), ("username", self._name()), ("groups", names))

    def _caller(self, modes: tuple[str, ...]) -> Caller:
        places = [each for each in _READ_BY if _READ_BY[each] in modes] if self.maybe(0.9) else list(_READ_BY)
        known = [arn for place in places for arn in self.arns[place]]
        arn = self.random.choice(known) if known and self.maybe(0.9) else self._new_arn("role")
        if self.maybe(0.1):
            head, slash, name = arn.rpartition("/")
            arn = head + slash + self.one_of(name.lower(), name.upper(), f"{name}x")
        return _as_caller(arn, self.one_of(*_SESSIONS), self.random)


def _unique_id(arn: str) -> str:
    """The same for the same name: callers have those of the mappings."""
    name = arn.rpartition("/")[2] if ":assumed-role/" not in arn else arn.split("/")[1]
    return ("AROA" if "role/" in arn else "AIDA") + name.upper().replace("_", "").replace(".", "")


def _as_caller(arn: str, session: str, random: Random) -> Caller:
    """What STS says of somebody with this ARN."""
    partition, account = arn.split(":")[1], arn.split(":")[4]
    unique = _unique_id(arn) if random.random() < 0.92 else "AROAOTHER"
    name = arn.rpartition("/")[2]
    if ":role/" in arn:
        arn = f"arn:{partition}:sts::{account}:assumed-role/{name}/{session}"
        unique = f"{unique}:{session}"
    elif ":assumed-role/" in arn:
        unique = f"{unique}:{name}"
    elif ":federated-user/" in arn:
        unique = f"{account}:{name}"
    elif arn.endswith(":root"):
        unique = account
    hosts = HOSTS.get(partition, HOSTS["aws"])
    identity = Identity(arn, account, unique, random.choice(("ASIAEXAMPLEKEY000001", "AKIAEXAMPLEKEY000002")))
    return Caller(identity, random.choice(hosts))
