from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from _pytest.mark import ParameterSet

from tarmak_iam.document import Document
from tests.e2e import components, tarmak_build
from tests.e2e.control_plane import SHORT, ControlPlane, Done, control_plane
from tests.e2e.distribution import ByApiServer, part_of
from tests.e2e.installation import Home
from tests.e2e.processes import Running, running, wait_until
from tests.e2e.sts import Principal, StsRun, sts_on_loopback
from tests.support.certificates import Authority

# A suite of its own, which needs more of the machine: `make e2e-node`.
collect_ignore = [] if os.environ.get("TARMAK_IAM_E2E_NODE") else ["node"]
ACCOUNT = "111122223333"
_T = TypeVar("_T")


def _role(number: int, path: str, session: str) -> Principal:
    name = path.rpartition("/")[2]  # STS leaves the path out
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}"
    # As long and as odd as AWS's are: what is not escaped as it should be does not fit its signature.
    token = f"IQoJb3JpZ2luX2VjE+/{number}/{'0Az+b/' * 60}=="
    return Principal(f"ASIAROLE{number:012}", arn, f"AROAROLE{number:012}:{session}", session_token=token)


PRINCIPALS = {
    "admin": _role(1, "Admin", "ann@example.com"),
    "path": _role(2, "team/Deployer", "ci"),
    "twice": _role(3, "Twice", "s"),
    "unmapped": _role(4, "Nobody", "s"),
    "sso": _role(6, "AWSReservedSSO_Dev_Ops_0123456789abcdef", "ann"),
    "expired": replace(_role(5, "Admin", "late"), is_expired=True),
    "user": Principal("AKIAUSER000000000001", f"arn:aws:iam::{ACCOUNT}:user/team/Bob", "AIDAUSER000000000001"),
    "account": Principal("AKIAUSER000000000002", "arn:aws:iam::444455556666:user/Eve", "AIDAUSER000000000002"),
}


@dataclass(frozen=True)
class Skew:
    """The releases of the API server, and of the kubectl that people have."""

    server: str
    kubectl: str

    def __str__(self) -> str:
        return f"{self.server}-kubectl-{self.kubectl}"


CURRENT = Skew(components.KUBERNETES, components.KUBERNETES)
TARMAKS = Skew(components.TARMAKS_KUBERNETES, components.TARMAKS_KUBERNETES)
TARMAKS_WITH_A_NEW_KUBECTL = Skew(components.TARMAKS_KUBERNETES, components.KUBERNETES)
skews = pytest.mark.skews
"""What a test is run with; with `also` where everything is run. A mark of a test comes before that of its module."""
ON_CURRENT = skews(CURRENT)
ON_BOTH = skews(CURRENT, TARMAKS)
"""For tests of what holds on every Kubernetes: with server-side apply, and before it."""
MOSTLY_ON_CURRENT = skews(CURRENT, also=(TARMAKS,))
"""For those among them that are about the daemon, or about what we do ourselves, more than about the API server."""
ON_ALL = skews(CURRENT, TARMAKS, also=(TARMAKS_WITH_A_NEW_KUBECTL,))
"""For those among them that kubectl has much to do with."""
ON_ALL_MOSTLY_ON_CURRENT = skews(CURRENT, also=(TARMAKS, TARMAKS_WITH_A_NEW_KUBECTL))
ON_TARMAKS = skews(TARMAKS, also=(TARMAKS_WITH_A_NEW_KUBECTL,))
"""For tests of what holds without server-side apply."""
_DAEMONS = {
    CURRENT: components.DAEMONS,
    TARMAKS: components.OLD_DAEMONS[:1],
    TARMAKS_WITH_A_NEW_KUBECTL: components.DAEMONS[-1:],
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the argument `version` is run with the daemons that are found beside a Kubernetes, of which the first
    one stands for the others; or on Tarmak's own with those that its mark has as `daemons`."""
    if "stage" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("skews") or skews(CURRENT).mark
    also: tuple[Skew, ...] = marker.kwargs.get("also", ())
    if "version" not in metafunc.fixturenames:
        made = [pytest.param(skew, id=str(skew), marks=_thorough(skew in also)) for skew in (*marker.args, *also)]
        metafunc.parametrize("stage", made, indirect=True)
        return
    daemons = _DAEMONS | ({TARMAKS: marker.kwargs["daemons"]} if "daemons" in marker.kwargs else {})
    made = [
        pytest.param(skew, version, id=f"{skew}-daemon-{version}", marks=_thorough(skew in also or number > 0))
        for skew in (*marker.args, *also)
        for number, version in enumerate(daemons[skew])
    ]
    metafunc.parametrize(("stage", "version"), made, indirect=["stage"])


def with_first(count: int, values: Iterable[_T]) -> list[_T | ParameterSet]:
    """For parameters: the first ones stand for the others where not everything is run."""
    return [pytest.param(each, marks=_thorough(number >= count)) for number, each in enumerate(values)]


def _thorough(is_so: bool) -> tuple[pytest.MarkDecorator, ...]:
    return (pytest.mark.thorough,) if is_so else ()


ADMIN = """\
  mapRoles:
  - {roleARN: "arn:aws:iam::111122223333:role/Admin", username: "admin:{{SessionName}}", groups: ["system:masters"]}
"""
DEPLOYER = '  - {roleARN: "arn:aws:iam::111122223333:role/Deployer", username: deployer, groups: [deployers]}\n'
NAME = "aws-iam-authenticator"
LEASE = "tarmak-iam"
DAEMONS_OWN = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ACCESS_KEY_ID": "AKIADAEMON0000000000",
    "AWS_SECRET_ACCESS_KEY": "unused",
}
"""The authenticator's own credentials."""
# What `check` finds, and whether pods come up, is no subject of most of these tests.
APPLY = ("apply", "--no-check", "--no-wait")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests on one Kubernetes share its API server, so that one process runs them."""
    return ByApiServer(config, log)


@dataclass(frozen=True)
class Login:
    """What the API server says of a caller; `refused` is kubectl's error."""

    username: str = ""
    groups: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class Stage:
    """All that runs, and the callers that STS knows."""

    home: Home
    plane: ControlPlane
    sts: StsRun
    sts_ca: Path

    @contextmanager
    def daemon(
        self, version: str, *options: str, config_of: Callable[[str], str] = str, key_pair: Path | None = None
    ) -> Iterator[Running]:
        """The authenticator as the DaemonSet of `manifests` with these options runs it, once it is healthy; its objects
        are applied.

        `config_of`: what somebody made of the configuration on the way; `key_pair`: another directory for the pair.
        """
        program, state, pair = components.daemon(version), self.home.state, key_pair or self.home.state
        components.needed(program)
        objects = self.home.objects("--image", f"example.org/aws-iam-authenticator:{version}", *options)
        self.plane.apply(objects)
        pod = next(each for each in objects if each["kind"] == "DaemonSet")["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        (state / "config").mkdir(exist_ok=True)
        config = next(each for each in objects if each["kind"] == "ConfigMap" and "config.yaml" in each["data"])
        (state / "config" / "config.yaml").write_text(config_of(config["data"]["config.yaml"]))
        places = {f"/etc/{NAME}": str(state / "config"), f"/var/{NAME}": str(pair)}
        args = [re.sub("|".join(places), lambda found: places[found[0]], arg) for arg in container["args"]]
        if pod["automountServiceAccountToken"]:
            access = state / "service-account.kubeconfig"
            access.write_text(self.plane.kubeconfig(self.plane.service_account_token(pod["serviceAccountName"])))
            args.append(f"--kubeconfig={access}")
        environment = {each["name"]: each["value"] for each in container["env"]}
        environment |= {"HTTPS_PROXY": self.sts.proxy, "SSL_CERT_FILE": str(self.sts_ca), **DAEMONS_OWN}
        log = state / f"daemon-{version}.log"
        with running([program, *args], log, {**environment, "HOME": str(state)}, state) as daemon:
            daemon.wait_until(lambda: self._is_healthy(pair))
            yield daemon

    def _is_healthy(self, pair: Path) -> bool:
        context = ssl.create_default_context(cafile=str(pair / "cert.pem"))
        address = f"https://localhost:{self.home.port}/healthz"
        try:
            with urllib.request.urlopen(address, timeout=5, context=context) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            return error.code == 404  # v0.4.0 has no such path
        except (urllib.error.URLError, OSError):
            return False

    def live(
        self,
        *args: str,
        code: int = 0,
        caller: str = "admin",
        kubeconfig: Path | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Done:
        """A command that works on the cluster, with the admin's kubeconfig or another, and credentials of a caller."""
        environment = {**self.caller_environment(caller), **(more or {})}
        given = ("--kubeconfig", kubeconfig or self.home.kubeconfig)
        return self.home.call(args[0], *given, *args[1:], code=code, more=environment)

    def caller_environment(self, name: str) -> dict[str, str]:
        """What the AWS tools of a caller go by: STS is on loopback for them too."""
        proxy = {"HTTPS_PROXY": self.sts.proxy, "SSL_CERT_FILE": str(self.sts_ca)}
        return {**self._client_environment(name), **proxy}

    def path_with(self, directory: Path) -> str:
        """A PATH with other programs before ours."""
        return f"{directory}{os.pathsep}{self.home.bin}{os.pathsep}{os.environ['PATH']}"

    def kubectl(self, *args: str | Path, text: str = "", code: int = 0, **variables: str) -> Done:
        """As the administrator, in kube-system."""
        done = self.plane.kubectl(*args, text=text, more=variables)
        assert done.code == code, done.err
        return done

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """As the administrator, by plain apply."""
        self.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def object(self, kind: str = "configmap") -> dict[str, Any]:
        """Ours of that kind."""
        found: dict[str, Any] | None = self.plane.object(f"{kind}s", NAME)
        assert found is not None
        return found

    @property
    def configuration(self) -> str:
        return str(self.object()["data"]["config.yaml"])

    @property
    def lease(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.plane.object("leases", LEASE)
        return found

    def edit(self, text: str = "clusterID: dev-cluster\n", manager: str = "somebody") -> None:
        """Somebody changes the configuration by hand."""
        patch = json.dumps({"data": {"config.yaml": text}})
        self.kubectl("patch", "configmap", NAME, f"--field-manager={manager}", "--type=merge", "-p", patch)

    def clear(self) -> None:
        for file in self.home.mappings.parent.glob("tarmak-iam.state*"):
            file.unlink()
        for kind, name in (("daemonsets", NAME), ("configmaps", NAME), ("leases", LEASE)):
            self.plane.object(kind, name, method="DELETE")

    def clear_all(self, *selectors: str) -> None:
        """What other backends have, too."""
        self.clear()
        kinds = "daemonsets,configmaps,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,crds"
        for selector in ("app.kubernetes.io/managed-by=tarmak-iam", *selectors):
            self.kubectl("delete", kinds, "-A", f"--selector={selector}")

    def login(self, name: str, *options: str) -> Login:
        """As the API server sees them, through the kubeconfig that `kubeconfig` makes with these options."""
        if not self.plane.knows_whoami:
            return self._login_by_review(name, *options)
        done = self.kubectl_as(name, "auth", "whoami", "-o", "json", options=options)
        return Login(refused=done.err) if done.code else _login(json.loads(done.out)["status"]["userInfo"])

    def _login_by_review(self, name: str, *options: str) -> Login:
        """What kubectl is answered tells whether somebody was let in and as whom, a review of the same command's token
        in which groups."""
        done = self.kubectl_as(name, "get", "--raw", "/api/v1/nodes", options=options)
        if done.code and "(Forbidden)" not in done.err:
            return Login(refused=done.err)
        ran = Document.parse(_kubeconfig(self.home, options).encode()).data["users"][0]["user"]["exec"]
        own = {each["name"]: each["value"] for each in ran.get("env") or ()}
        environment = {**os.environ, **self._client_environment(name), **own}
        command = [ran["command"], *(ran.get("args") or ())]
        made = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        login = _login(self.plane.reviewed(json.loads(made.stdout)["status"]["token"])["user"])
        assert done.code == 0 or f'User "{login.username}" cannot list' in done.err
        return login

    def eventually(self, name: str, group: str = "system:authenticated") -> Login:
        """The first login that has the group: the daemon takes in objects some time after they are written."""
        logins: list[Login] = []

        def is_there() -> bool:
            logins.append(self.login(name))
            return group in logins[-1].groups

        wait_until(is_there, 300, what=lambda: logins[-1], pause=0.5)
        return logins[-1]

    def kubectl_as(self, name: str, *args: str, options: tuple[str, ...] = ()) -> Done:
        file = self.home.state / "client.kubeconfig"
        file.write_text(_kubeconfig(self.home, options))
        file.chmod(0o600)
        more = self._client_environment(name)
        return self.plane.kubectl(*args, kubeconfig=file, more=more, release=self.home.kubectl)

    def _client_environment(self, name: str) -> dict[str, str]:
        return {
            "AWS_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PATH": f"{self.home.bin}{os.pathsep}{os.environ['PATH']}",
            **SHORT,
            **PRINCIPALS[name].environment,
        }


@cache
def _kubeconfig(home: Home, options: tuple[str, ...]) -> str:
    """What people are given: whatever the mappings are, the same."""
    return home.run("kubeconfig", *options)


def _login(user: Mapping[str, Any]) -> Login:
    return Login(user.get("username", ""), tuple(user.get("groups", ())))


def pytest_report_header() -> str:
    return str(tarmak_build.available())


@pytest.fixture(scope="session")
def _stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Stage]]:
    """By the group of tests (distribution.py) and the release of its Kubernetes, of which one runs at a time."""
    os.umask(0o022)
    made: dict[str, tuple[str, Stage, ExitStack]] = {}

    def stage_of(part: str, version: str) -> Stage:
        if version in made and made[version][0] != part:
            made.pop(version)[2].close()
        if version not in made:
            stack = ExitStack()
            stage = stack.enter_context(set_up(tmp_path_factory.mktemp(f"e2e-{version}"), version))
            made[version] = part, stage, stack
        return made[version][1]

    yield stage_of
    for *_, stack in made.values():
        stack.close()


@pytest.fixture(scope="module")
def stages(request: pytest.FixtureRequest, _stages: Callable[[str, str], Stage]) -> Callable[[str], Stage]:
    """A stage by the release of its Kubernetes."""
    return lambda version: _stages(part_of(request.path.stem, version), version)


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, stages: Callable[[str], Stage]) -> Stage:
    """On the current Kubernetes, or as the parameter, a `Skew`, says."""
    skew: Skew = getattr(request, "param", CURRENT)
    components.needed(components.daemon(components.DAEMONS[0]), components.program("kubectl"))
    components.needed(components.program("kubectl", skew.kubectl))
    made = stages(skew.server)
    return replace(made, home=made.home.with_kubectl(skew.kubectl))


@pytest.fixture(autouse=True)
def _empty(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test on a stage begins with the admin's mapping alone, and nothing in the cluster."""
    if "stage" not in request.fixturenames:
        yield
        return
    stage: Stage = request.getfixturevalue("stage")
    stage.home.map(ADMIN)
    stage.clear()
    yield
    stage.clear()


AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, users: ["system:apiserver"], verbs: [get]}
- {level: Metadata, resources: [{group: "", resources: [configmaps, secrets]}]}
- {level: Request, verbs: [get, list, watch]}
- {level: RequestResponse, resources: [{group: ""}, {group: apps}]}
- {level: Metadata}
"""
"""The levels and stages of Tarmak's own policy (puppet/modules/kubernetes/files/audit-policy.yaml)."""


@contextmanager
def set_up(directory: Path, version: str, *flags: str) -> Iterator[Stage]:
    """`flags`: more of the API server."""
    home = Home.make(directory, version)
    authority = Authority(directory, "sts")
    hosts = ("sts.amazonaws.com", "sts.eu-west-1.amazonaws.com")
    principals = {each.access_key_id: each for each in PRINCIPALS.values()}
    (directory / "audit-policy.yaml").write_text(AUDIT_POLICY)
    audited = (f"--audit-policy-file={directory}/audit-policy.yaml", f"--audit-log-path={directory}/audit.log")
    with (
        sts_on_loopback(authority.server("sts-server", *hosts), principals) as sts,
        control_plane(directory, (*home.flags, *audited, *flags), version) as plane,
    ):
        home.reach(plane)
        yield Stage(home, plane, sts, authority.path)
