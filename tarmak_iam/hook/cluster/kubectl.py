"""Runs kubectl on one cluster with a kubeconfig: never through `tarmak clusters kubectl`, which drops exit codes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from tarmak_iam.config.kubernetes_versions import GoVersion, parse_version
from tarmak_iam.errors import ToolError
from tarmak_iam.hook.programs import ClusterLock, Completed, Programs, ProgramTimedOut

REQUEST_SECONDS = 30
"""Limit of one request that writes: well below the duration of the cluster's lease."""

ANSWER_SECONDS = 60.0
"""How long to wait for an API server that cannot be reached, unless the user sets another limit."""

_LEAST_SECONDS = 5.0
"""The least that a call may take, however little time is left: enough for a running API server."""

# kubectl's messages where nothing listens at the address, or the address does not exist.
_REFUSED = re.compile(
    r"connection refused|was refused - did you specify the right host or port|no route to host|no such host"
    r"|network is unreachable"
)
# kubectl's messages where the API server cannot be reached, or where a proxy or load balancer before it gives up.
_AWAY = re.compile(
    r"connection refused|was refused - did you specify the right host or port|unable to connect to the server"
    r"|i/o timeout|tls handshake timeout|no route to host|connection reset by peer|broken pipe"
    r"|use of closed network connection"
    # from net/http and http2: the connection ended early
    r"|(?m:(: |unexpected )eof(?=$|[;,]))|client connection (lost|force closed)|server closed idle connection"
    r"|transport connection broken|stream error: |goaway|request canceled|client\.timeout exceeded"
    r"|context deadline exceeded"
    # from the API server, and from its etcd
    r"|the server is currently unable to handle the request|unable to return a response in the time allotted"
    r"|the server has received too many requests|apiserver is shutting down"
    r"|etcdserver: (request timed out|leader changed|no leader|server stopped|too many requests)"
    # an answer from something else: the page of a proxy, or nothing
    r'|an error on the server \((""|"unknown")'
    r"|an error on the server \(.*(\b50[234]\b|bad gateway|service unavailable|gateway time-?out)"
)
# kubectl prints this on stdout if the kubeconfig contains no credentials, and then fails with `error: EOF`.
_PROMPT = "Please enter Username:"
# An answer of the API server: only its webhook cannot be reached.
_OF_A_WEBHOOK = re.compile(r"failed calling (admission )?webhook")
_UNREADABLE_KUBECONFIG = re.compile(r'(?:error: )?(error loading config file "[^"]*"): (?!open |read )')
# The API server answers, and another attempt would get the same answer.
_THERE = ("x509:", "forbidden", "unauthorized")
_NOT_SERVED = ("no matches for", "doesn't have a resource type")
# The API server serves nothing at that path: kubectl used its cached discovery.
_OUTDATED = "the server could not find the requested resource"
_FROM_SERVER = "Error from server: "
_FIRST_WORDS = ("error", "unable to connect", "the connection to the server")
# The format of klog: E1125 15:04:05.678901 4711 memcache.go:265] "Unhandled Error" ...
_LOGGED = re.compile(r"[iwef]\d{4} \d\d:")
# kubectl logs each response header on its own line (client-go's round_trippers.go, v0.22 to v0.36).
_DATE = re.compile(r"\bDate: (\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d GMT)")
_CALL_SECONDS = 120.0
_WRITING = frozenset(("apply", "create", "replace", "patch", "delete", "annotate", "label", "rollout", "scale", "set"))


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Without `kubeconfig`, kubectl uses its own default. `reopen` is the command with which Tarmak opens its tunnel
    again. `patience`: for how many seconds to retry while the API server cannot be reached; `tell` is called with a
    line about it. `sleep` and `clock` are for tests.

    `must_be_up`: no master is being replaced. A refused connection is then final, and a call without an answer ends
    after `patience` seconds, or at `until`: a value of `clock` that limits several calls together.

    `before_write` is called before each write, and may raise TarmakIamError to prevent it. `lock` is held until the
    last write has ended, even if this process is killed earlier. `on_its_way` contains the verb of a write that was not
    answered and may still arrive; the next answer empties it. Copies share it.
    """

    programs: Programs
    kubeconfig: Path | None = None
    context: str | None = None
    program: str = "kubectl"
    reopen: str = "tarmak clusters kubeconfig"
    patience: float = ANSWER_SECONDS
    must_be_up: bool = False
    until: float | None = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    tell: Callable[[str], None] = lambda _: None
    before_write: Callable[[], None] = lambda: None
    lock: ClusterLock | None = None
    on_its_way: list[str] = field(default_factory=list)

    def run(self, *args: str | Path, text: str = "", seconds: float = _CALL_SECONDS) -> Completed:
        """Retries while the API server cannot be reached, for up to `patience` seconds. Raises ToolError as
        `Programs.run` does, and what `before_write` raises. The first attempt of a write may have succeeded: the caller
        must check writes that are not idempotent. kubectl caches discovery for minutes to hours, also of a kind whose
        definition was deleted since; `--cache-dir` does not help: before 1.19 it moves another cache. `api-resources`
        queries the API server, and updates the cache."""
        done = self._run(*args, text=text, seconds=seconds)
        if done.code and _OUTDATED in done.err and "--raw" not in args:
            self._run("api-resources", seconds=seconds)  # keeps the other groups where one API group is unavailable
            done = self._run(*args, text=text, seconds=seconds)
        return done

    def _run(self, *args: str | Path, text: str = "", seconds: float) -> Completed:
        began, pause, attempts = self.clock(), 0.5, 0
        deadline = began + self.patience if self.until is None else min(began + self.patience, self.until)
        while True:
            done, attempts = self._attempt(args, text, seconds, deadline - self.clock()), attempts + 1
            if done.code == 0 or not is_away(done):
                return done
            now = self.clock()
            if now + pause > deadline or (self.must_be_up and is_refused(done)):
                return replace(done, attempts=attempts, seconds=now - began)
            if attempts == 1:
                left = deadline - began
                self.tell(f"the API server cannot be reached; trying again for up to {left:.0f} seconds")
            self.sleep(pause)
            pause = min(pause * 2, 8.0)

    def _attempt(self, args: tuple[str | Path, ...], text: str, seconds: float, left: float) -> Completed:
        # Without the defaults for options in ~/.kube/kuberc, such as `delete --interactive`, which kubectl reads since
        # 1.34 (kubernetes.io/docs/reference/kubectl/kuberc).
        programs = replace(self.programs, environment={**self.programs.environment, "KUBERC": "off"})
        named = {"kubeconfig": self.kubeconfig, "context": self.context}
        options = tuple(f"--{name}={value}" for name, value in named.items() if value is not None)
        if is_write(args):
            self.before_write()
            if self.lock is not None and self.lock.descriptor is not None:
                programs = replace(programs, inherited=(self.lock.descriptor,))
            if not any(str(arg).startswith("--request-timeout=") for arg in args):
                options += (f"--request-timeout={REQUEST_SECONDS}s",)
            self.on_its_way[:] = [str(args[0])]
        limit = min(seconds, max(left, _LEAST_SECONDS)) if self.must_be_up else seconds
        try:
            done = programs.run(self.program, *options, *args, text=text, seconds=limit)
            if is_write(args) and done.code >= 0 and not is_away(done):
                self.on_its_way.clear()
            return done
        except ProgramTimedOut:
            if not self.must_be_up:
                raise
            unanswered = f"unable to connect to the server: no answer within {limit:.0f} seconds"
            return Completed((self.program, *map(str, args)), 1, "", unanswered)

    def check(self, *args: str | Path, text: str = "", seconds: float = _CALL_SECONDS) -> Completed:
        """As `run`, but raises ToolError with kubectl's own reason also where kubectl fails."""
        done = self.run(*args, text=text, seconds=seconds)
        if done.code:
            raise self.failure(done, next((str(arg) for arg in args if not str(arg).startswith("-")), ""))
        return done

    def failure(self, done: Completed, verb: str) -> ToolError:
        """The error for a call that failed."""
        remedy = ""
        if lacks_credentials(done):
            what = f"kubectl {verb} failed: the user of the kubeconfig has no credentials"
            return ToolError(what, remedy="use the admin's kubeconfig, or another one with credentials")
        if is_away(done):
            remedy = f"check that the cluster is up and the tunnel is open: `{self.reopen}`"
        elif "unauthorized" in done.err.lower():
            remedy = f"use the admin's kubeconfig, since these credentials are rejected, or run `{self.reopen}`"
        retried = f" ({done.attempts} attempts in {done.seconds:.0f} seconds)" if done.attempts > 1 else ""
        return ToolError(f"kubectl {verb} failed: {why(done)}{retried}", remedy=remedy)

    def json(self, *args: str | Path, text: str = "") -> dict[str, Any]:
        """The object that kubectl prints. Raises ToolError, also where it prints no object."""
        return object_in(self.check(*args, "-o", "json", text=text))

    def all_of(self, kinds: str, *options: str) -> list[dict[str, Any]]:
        """Every object of the kinds, in all namespaces. Kinds that are not served are skipped. Raises ToolError."""
        done = self.run("get", kinds, "--all-namespaces", *options, "-o", "json")
        if done.code == 0:
            return objects_of(done)
        if not is_unserved(done):
            raise self.failure(done, "get")
        # One kind that is not served must not hide the others.
        each_kind = kinds.split(",")
        return [obj for kind in each_kind for obj in self.all_of(kind, *options)] if len(each_kind) > 1 else []

    def selected(self, kind: str, selector: str, *options: str) -> list[dict[str, Any]]:
        """The objects with these labels, all where it is empty. Raises Forbidden and ToolError."""
        done = self.run("get", kind, *options, *(("--selector", selector) if selector else ()), "-o", "json")
        if done.code and is_forbidden(done):
            raise Forbidden(why(done))
        if done.code:
            raise self.failure(done, "get")
        return objects_of(done)

    def versions(self) -> tuple[GoVersion, GoVersion]:
        """The versions of kubectl and of the API server. Raises ToolError."""
        printed = self.json("version")
        infos = [printed.get(key) for key in ("clientVersion", "serverVersion")]
        texts = [str(info.get("gitVersion", "")) if isinstance(info, dict) else "" for info in infos]
        versions = [parse_version(text.partition("+")[0]) for text in texts]
        if versions[0] is None or versions[1] is None:
            raise ToolError(f"'{texts[versions.index(None)]}' is not a Kubernetes version")
        return versions[0], versions[1]

    def server_time(self) -> datetime:
        """The time by the API server's clock, which also sets the timestamps of pods; by our own clock as a fallback.
        kubectl's log is never shown: old releases log the token too."""
        header = _DATE.search(self.run("get", "--raw", "/version", "-v=8").err)
        return parsedate_to_datetime(header[1]) if header else datetime.now(timezone.utc).replace(microsecond=0)


def is_away(done: Completed) -> bool:
    """Whether the API server could not be reached, in contrast to one that answered. kubectl's log lines are ignored:
    one API group without a server, as often that of a metrics server, does not concern the others."""
    if lacks_credentials(done):
        return False
    words = _own_words(done)
    return _AWAY.search(words) is not None and not any(sign in words for sign in _THERE)


def lacks_credentials(done: Completed) -> bool:
    """Whether kubectl asked for a username, because the user of the kubeconfig is empty."""
    return done.code != 0 and done.out.lstrip().startswith(_PROMPT)


def is_refused(done: Completed) -> bool:
    """Whether nothing listens at the API server's address, or the address does not exist."""
    return _REFUSED.search(_own_words(done)) is not None


def _own_words(done: Completed) -> str:
    """kubectl's error output without its log lines and without errors of the API server's webhooks."""
    lines = [line for line in done.err.lower().splitlines() if not _LOGGED.match(line)]
    return "\n".join(line for line in lines if not _OF_A_WEBHOOK.search(line))


def is_write(args: Sequence[str | Path]) -> bool:
    """Whether kubectl changes objects with these arguments."""
    verb, *options = map(str, args)
    return verb in _WRITING and not any(re.match(r"--(server-)?dry-run(=(?!none|false)|$)", word) for word in options)


def why(done: Completed) -> str:
    """kubectl's reason: the first line that is an error, because advice may follow it."""
    lines = [line.strip() for line in done.err.splitlines()]
    reason = next((line for line in lines if line.lower().startswith(_FIRST_WORDS)), done.reason)
    if unreadable := _UNREADABLE_KUBECONFIG.match(reason):
        return f"{unreadable[1]}: kubectl's reason is not shown because it may quote a credential"
    return reason.removeprefix("error: ").removeprefix(_FROM_SERVER)


def is_unserved(done: Completed) -> bool:
    """Whether the API server does not serve the requested kind."""
    return any(sign in done.err for sign in (*_NOT_SERVED, _OUTDATED))


def is_forbidden(done: Completed) -> bool:
    """Whether the API server's authorisation denied the call."""
    return "(Forbidden)" in done.err or "forbidden:" in done.err.lower()


# The authorizer's words about one permission.
_PERMISSION = re.compile(r'(?:User "[^"]*"|the user of the kubeconfig) cannot [a-z]+ .*')
# By the authorizer or a quota, by an admission webhook, and by the validation.
_REFUSED_OBJECT = ("(Forbidden)", "forbidden: ", " denied the request", " is invalid: ")
_MAX_REFUSALS = 10


class Forbidden(ToolError):
    """The user of the kubeconfig may not read that."""


class NotAllowed(ToolError):
    """The API server would refuse writes: permissions are missing, or an object is not admitted."""

    def __init__(self, refusals: Iterable[str]) -> None:
        named = list(dict.fromkeys(refusals))
        more = f"; and {len(named) - _MAX_REFUSALS} more" if len(named) > _MAX_REFUSALS else ""
        advice = "ask an administrator of the cluster for these permissions"
        remedy = advice if all(map(_PERMISSION.fullmatch, named)) else ""
        super().__init__(f"{'; '.join(named[:_MAX_REFUSALS])}{more}; nothing was changed", remedy=remedy)


def refusals_of(done: Completed) -> Iterator[str]:
    """What the API server refused: kubectl prints a line for each object. Permissions without the object's name."""
    for line in done.err.splitlines():
        if any(sign in line for sign in _REFUSED_OBJECT):
            permission = _PERMISSION.search(line)
            yield permission[0] if permission else line.strip().removeprefix("error: ").removeprefix(_FROM_SERVER)


def object_in(done: Completed) -> dict[str, Any]:
    """The JSON object that was printed. Raises ToolError for anything else: any program may be called `kubectl`."""
    try:
        printed: Any = json.loads(done.out)
    except ValueError:
        raise ToolError("kubectl printed something that is not JSON") from None
    if not isinstance(printed, dict):
        raise ToolError("kubectl printed JSON that is not an object")
    return printed


def objects_of(done: Completed) -> list[dict[str, Any]]:
    """The JSON objects that were printed: one, a List, several one after the other as by `kubectl create`, or no output
    for none. Raises ToolError."""
    decoder, text, objects = json.JSONDecoder(), done.out.strip(), list[dict[str, Any]]()
    while text:
        try:
            printed, end = decoder.raw_decode(text)
        except ValueError:
            raise ToolError("kubectl printed something that is not JSON") from None
        if not isinstance(printed, dict):
            raise ToolError("kubectl printed JSON that is not an object")
        items = printed.get("items") if printed.get("kind") == "List" else [printed]
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise ToolError("kubectl printed a List that does not contain objects")
        objects += items
        text = text[end:].lstrip()
    return objects
