"""One cluster of a tarmak.yaml with its files and its API server: what the command line does, as methods."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from tarmak_iam.aws.arn import with_plain_account
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.cluster import check_masters
from tarmak_iam.config.locate import config_path
from tarmak_iam.errors import SelectionError, TarmakIamError
from tarmak_iam.files.read import read_file
from tarmak_iam.files.turns import edit_in_turn
from tarmak_iam.installation.cluster_files import ClusterFiles, is_cluster_id
from tarmak_iam.installation.edit_locks import CLUSTER_FILES_EDIT, CONFIG_EDIT, lock_of_cluster_files, lock_of_config
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.groups import listed_groups
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.mappings.merging import Wanted

if TYPE_CHECKING:
    from tarmak_iam.access.diff import Effect
    from tarmak_iam.emit.directory import DirectoryPlan
    from tarmak_iam.emit.release_change import ReleaseChange
    from tarmak_iam.hook.cluster.apply import LiveDiff
    from tarmak_iam.hook.cluster.kubectl import Kubectl
    from tarmak_iam.hook.cluster.results import Applied, RolledBack
    from tarmak_iam.hook.login.admin import AdminVerified
    from tarmak_iam.hook.login.verify import Verified
    from tarmak_iam.hook.programs import ClusterLock
    from tarmak_iam.identity import Answer
    from tarmak_iam.installation.backend_payloads import Manifest
    from tarmak_iam.lint import Located, Subjects
    from tarmak_iam.lint.edit_guard import MappedEffects
    from tarmak_iam.report import AccessReview, ClusterReview
    from tarmak_iam.report.review import ToAsk

__all__ = ["TarmakCluster", "review_all"]
ROLLOUT_SECONDS, VERIFY_SECONDS, ANSWER_SECONDS = 300.0, 60.0, 60.0
"""As in the hook, which is imported only where it is used."""

Progress = Callable[[str], None]
_Made = TypeVar("_Made")
_Loaded = tuple[TarmakConfig, ClusterFiles, Installation]


def _no_progress(_: str) -> None: ...


@dataclass(frozen=True, slots=True)
class TarmakCluster:
    """One cluster of a tarmak.yaml, its mappings and settings, and its API server.

    Each method does what the command of that name does, with the same checks and refusals. It reads the files again,
    so that a TarmakCluster can be kept while they change, and be used by several threads: concurrent edits wait for
    each other, also for those of the command line. Paths are absolute, so the working directory may change.

    Every method raises TarmakIamError, and ConfigError for a hub, except `check`, `disable` and `report`. Where a
    remedy names an option such as `--force` or `--no-check`, the parameter is `force=True` or `check=False`. Nothing is
    printed: `progress` is called with one line about each thing that is waited for or noted. An exception that
    `progress` raises ends the method, as Ctrl-C would.

    `path` is tarmak.yaml, or its directory. `kubeconfig` and `context` select how kubectl connects to the cluster;
    without them, `tarmak clusters kubeconfig` is run. `environment` has the environment variables for tarmak, kubectl
    and AWS; None for those of the process. `follow_links` is the option `--follow-links`.

    `**settings` of a method replace values of the settings file, by their names there: `apply(image="...")`.
    """

    path: Path
    cluster_name: str
    kubeconfig: Path | None = field(default=None, kw_only=True)
    context: str | None = field(default=None, kw_only=True)
    environment: Mapping[str, str] | None = field(default=None, kw_only=True, repr=False, hash=False)
    follow_links: bool = field(default=False, kw_only=True, repr=False)
    progress: Progress = field(default=_no_progress, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        """Raises FileError for a path without tarmak.yaml."""
        object.__setattr__(self, "path", Path(os.path.abspath(config_path(self.path, os.environ))))
        if self.kubeconfig is not None:
            object.__setattr__(self, "kubeconfig", Path(os.path.abspath(Path(self.kubeconfig).expanduser())))

    @classmethod
    def load(
        cls,
        cluster_name: str | None = None,
        path: str | os.PathLike[str] | None = None,
        *,
        kubeconfig: str | os.PathLike[str] | None = None,
        context: str | None = None,
        environment: Mapping[str, str] | None = None,
        follow_links: bool = False,
        progress: Progress = _no_progress,
    ) -> TarmakCluster:
        """`cluster_name`: ENVIRONMENT-NAME, None for `currentCluster`. `path`: tarmak.yaml or its directory; None for
        TARMAK_CONFIG, else ~/.tarmak. The others are the attributes. Raises FileError, ParseError and ConfigError if
        Tarmak cannot read the file, SelectionError for a cluster that is not in it."""
        config = TarmakConfig.load(path)
        cluster = config.cluster(cluster_name) if cluster_name is not None else config.current_cluster
        assert config.path is not None  # it is loaded from a file
        return cls(
            config.path,
            cluster.cluster_name,
            kubeconfig=None if kubeconfig is None else Path(kubeconfig),
            context=context,
            environment=environment,
            follow_links=follow_links,
            progress=progress,
        )

    @classmethod
    def all(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        of_environment: str | None = None,
        with_hubs: bool = False,
        **attributes: Any,
    ) -> list[TarmakCluster]:
        """Every cluster of a tarmak.yaml, or of one of its environments, hubs only `with_hubs`. `path` and `attributes`
        are as for `load`. Raises as `load`, and SelectionError for an unknown environment."""
        config = TarmakConfig.load(path)
        assert config.path is not None  # it is loaded from a file
        chosen = (cluster for cluster in config.clusters_in(of_environment) if with_hubs or not cluster.is_hub)
        return [cls(config.path, cluster.cluster_name, **attributes) for cluster in chosen]

    @property
    def config(self) -> TarmakConfig:
        """tarmak.yaml as it is now."""
        return TarmakConfig.load(self.path)

    @property
    def mappings(self) -> Mappings:
        """The mappings file as it is now; without entries if it does not exist. `save()` of an edit writes it without
        the checks of `map`, and raises FileChanged if it has changed since."""
        return self._read()[2].mappings_or_new()

    def installation(self, **settings: Any) -> Installation:
        """The cluster's IAM login as its files describe it, with Tarmak's own kubeconfig (`admin`)."""
        return self._installation(settings, with_admin=True)

    def enable(self, *, dry_run: bool = False) -> bool:
        """Sets `awsIAMAuthenticatorInit` to true. Returns whether tarmak.yaml changed, or with `dry_run` would change.
        Raises EditRefused."""
        return self._edit(lambda config: config.enable_authenticator(self.cluster_name), dry_run=dry_run)

    def disable(self, *, dry_run: bool = False) -> bool:
        """Removes `awsIAMAuthenticatorInit`; sets it to false if it has a comment. Returns and raises as `enable`."""
        return self._edit(lambda config: config.disable_authenticator(self.cluster_name), dry_run=dry_run)

    def map(
        self,
        principal: str,
        username: str | None = None,
        groups: Iterable[str] | None = None,
        *,
        replace_groups: bool = False,
        strip_path: bool = False,
        me: str | None = None,
        force: bool = False,
        dry_run: bool = False,
    ) -> MappedEffects:
        """Maps an IAM role, user or account, or an SSO permission set (`sso:ACCOUNT/NAME`), and writes the mappings
        file. `username` and `groups` are for roles, users and permission sets.

        An existing mapping keeps its username if `username` is None. `groups` are added to its groups, or with
        `replace_groups` replace them. `strip_path` removes the path of a role's ARN. With `dry_run` nothing is written.

        Returns who gains and who loses access, and as `findings` what `check` reports about the mapping. `progress` is
        called with each finding, and what `force` accepts. Raises ConfigError for a principal, username or
        group that the authenticator cannot use; PolicyRefused, unless `force`, for an error that `check` would report
        for the new mapping, and if the last admin, a node role or the caller with the ARN `me` would lose access.
        Nothing is changed then.
        """
        from tarmak_iam.access.lockout import principal_refusal
        from tarmak_iam.lint.edit_guard import guarded_mapping

        chosen = None if groups is None else tuple(dict.fromkeys(listed_groups(groups) or ()))
        wanted = Wanted(with_plain_account(principal), username, chosen, adds_groups=not replace_groups)

        def edit() -> MappedEffects:
            _, files, before = self._load({})
            start = before.mappings or files.mappings_or_new()
            after, (outcome,) = start.merge([wanted], strip_path=strip_path, refuse=principal_refusal(before))
            if outcome.error is not None:
                raise outcome.error
            mapped = guarded_mapping(before, after, outcome.principal, me=me, force=force, tell=self.progress)
            if after is not start and not dry_run:
                after.save()
            for line in (*(f"note: {text}" for text in outcome.notes), *mapped.lines):
                self.progress(line)
            return mapped

        return self._edit_cluster_files(edit, dry_run=dry_run)

    def unmap(
        self, principal: str, *, me: str | None = None, force: bool = False, dry_run: bool = False
    ) -> list[Effect]:
        """Removes every mapping of a principal. Returns who loses access, empty if it is not mapped. Raises
        PolicyRefused as `map` does."""
        from tarmak_iam.lint.edit_guard import EditKind, guarded_edit

        def edit() -> list[Effect]:
            _, files, before = self._load({})
            start = before.mappings or files.mappings_or_new()
            after = start.remove(principal)
            if after is start:
                return []
            effects = guarded_edit(before, after, EditKind.REMOVE, me=me, force=force, tell=self.progress)
            if not dry_run:
                after.save()
            return list(effects)

        return self._edit_cluster_files(edit, dry_run=dry_run)

    def check(self) -> list[Located]:
        """The findings about the cluster's files, as `check` reports them. `str()` of one is its line; `finding` and
        `place` are its parts."""
        from tarmak_iam.lint import check

        return check(self._subjects())

    def whois(
        self, arn: str, *, session_name: str = "SESSION", user_id: str = "", access_key_id: str = "", **settings: Any
    ) -> Answer:
        """Who the caller with this ARN becomes. The ARN of a role stands for a session of it, named `session_name`.
        Without `user_id` and `access_key_id`, `uid` and `extra` are placeholders. Without mappings, callers are denied.
        Raises ConfigError for an ARN that is not valid or cannot be a caller, for a session name that STS does not
        accept, and for the mappings of another cluster."""
        from tarmak_iam.identity.caller import identity_of, private_names_of, typed_caller, typed_session

        identity = identity_of(typed_caller(arn), typed_session(session_name), user_id, access_key_id)
        installation = self._installation(settings)
        return installation.authenticator(private_dns_names=private_names_of(identity)).whois(identity)

    def manifests(self, **settings: Any) -> list[Manifest]:
        """The Kubernetes objects as plain data, in apply order. Raises ConfigError if one cannot be generated."""
        from tarmak_iam.emit import manifests

        return manifests(self._installation(settings))

    def client_kubeconfig(
        self,
        *,
        server: str | None = None,
        certificate_authority: str | os.PathLike[str] | bytes | None = None,
        proxy_url: str | None = None,
        alias: str | None = None,
        session_name: str | None = None,
        **settings: Any,
    ) -> Manifest:
        """The kubeconfig for users, as plain data; `yaml_bytes` makes a file of it. The settings for it are `role`,
        `profile`, `exec` and `kubectlVersion`.

        `server`: URL of the API server; None for the public address, else as in Tarmak's own kubeconfig.
        `certificate_authority`: PEM data, or the path of a PEM file; None for the CA in Tarmak's own kubeconfig. With
        a `server` and without either of them, kubectl uses the CAs of the operating system. `alias`: name of the
        context. `session_name`: name of the role session.

        Raises ConfigError for values that cannot be used, and if server or CA are unknown; FileError.
        """
        from tarmak_iam.emit.kubeconfig import client_kubeconfig

        authority = certificate_authority
        if authority is not None and not isinstance(authority, bytes):
            authority = read_file(Path(authority).expanduser())
        return client_kubeconfig(
            self._installation(settings, with_admin=server is None or authority is None),
            server=server,
            certificate_authority=authority,
            proxy_url=proxy_url,
            alias=alias,
            session_name=session_name,
        )

    def render(
        self, directory: str | os.PathLike[str], *, force: bool = False, dry_run: bool = False, **settings: Any
    ) -> DirectoryPlan:
        """Writes all artifacts to a directory for `kubectl apply -k`. Returns the `steps`: each file, and what was
        done, or with `dry_run` would be done. `force` overwrites files that were not written by `render`, or were
        changed since. Raises ConfigError as `manifests` does, and FileError, with nothing written."""
        from tarmak_iam.emit import render
        from tarmak_iam.emit.directory import plan_directory, write_directory

        config, _, installation = self._load(settings, with_admin=True)
        artifacts, _ = render(installation)
        clusters = [cluster for cluster in config.clusters if is_cluster_id(cluster.cluster_name)]
        files = [ClusterFiles.of(config, cluster, follow_links=self.follow_links) for cluster in clusters]
        own = [self.path, *(path for cluster_files in files for path in cluster_files.own)]
        path = Path(directory).expanduser()
        planned = plan_directory(path, artifacts, self.cluster_name, force=force, untouchable=own)
        if not dry_run:
            write_directory(planned)
        return planned

    def diff(self, *, timeout: float = ANSWER_SECONDS, **settings: Any) -> LiveDiff:
        """What `apply` would change in the cluster, and who would gain and lose access. Changes nothing. `timeout`:
        seconds to wait for an answer of the API server; a refused connection is not tried again. Raises ConfigError as
        `manifests` does, and ToolError."""
        from tarmak_iam.emit import manifests
        from tarmak_iam.hook.cluster.apply import live_diff

        installation = self._installation(settings)
        manifests(installation)  # before tarmak is asked for a kubeconfig, which can take minutes
        return live_diff(installation, self._kubectl(seconds=timeout))

    def release_change(self, release: str, **settings: Any) -> ReleaseChange:
        """What another release of the authenticator would change: access, objects, flags, keys that it reads and known
        security flaws. Needs no cluster. Raises ConfigError for a text that is not a release, and as `manifests`
        does."""
        from tarmak_iam.emit.release_change import release_change

        return release_change(self._installation(settings), release)

    def apply(
        self,
        *,
        dry_run: Literal["client", "server"] | bool | None = None,
        check: bool = True,
        force: bool = False,
        wait: float | None = ROLLOUT_SECONDS,
        **settings: Any,
    ) -> Applied:
        """Applies the objects of `manifests` to the cluster. The previous objects are saved for `rollback`.

        `wait`: seconds to wait for the rollout, and then again for restarts of pods; None not to wait. `dry_run`
        changes nothing: "client" (or True) only reads, with "server" the API server checks the objects too.

        Raises ConfigError for an error that `check` reports, unless `check` is False. Raises
        PolicyRefused, unless `force`, if the last admin would lose access, and for objects or fields of other managers.
        Raises ToolError if tarmak, kubectl or the API server fails; from the first change on, this is an ApplyFailed,
        and `rollback` restores the previous objects.
        """
        from tarmak_iam.emit import manifests
        from tarmak_iam.hook.apply_hook import refuse_errors
        from tarmak_iam.hook.cluster.apply import apply_to_cluster, dry_run_mode
        from tarmak_iam.hook.cluster.history import STATE_NAME
        from tarmak_iam.lint import Subjects

        mode = dry_run_mode(dry_run)
        config, files, installation = self._load(settings)
        if check:  # the same values that are applied
            subjects = Subjects(config, installation.mappings, installation, files.settings_document())
            refuse_errors(installation.cluster, subjects)
        manifests(installation)  # before tarmak is asked for a kubeconfig, which can take minutes
        options: dict[str, Any] = {"dry_run": mode, "force": force, "wait": wait, "within": files.within}
        with self._lock(is_needed=mode is None) as lock:
            kubectl, state = self._kubectl(lock), files.home / STATE_NAME
            return apply_to_cluster(installation, kubectl, state, tell=self.progress, **options)

    def verify(
        self, *, role: str | None = None, profile: str | None = None, timeout: float = VERIFY_SECONDS
    ) -> Verified:
        """Logs in with AWS credentials, and compares the identity that the API server returns with `whois`.
        `role`: ARN of the role to assume first; `profile`: AWS profile with the credentials; None for those in the
        settings. `timeout`: seconds to wait for the API server, and to try again while the login fails.
        `ok` of the result is true only for a login as a mapped principal; `why` says in one line why it is false. A
        failed login raises nothing: ToolError is for an API server that cannot be queried.
        """
        from tarmak_iam.hook.login.verify import verify_login

        role = None if role is None else with_plain_account(role)
        installation = self._installation({"role": role, "profile": profile})
        return verify_login(installation, self._kubectl(seconds=timeout), seconds=timeout, tell=self.progress)

    def verify_admin(self, *, timeout: float = ANSWER_SECONDS) -> AdminVerified:
        """Logs in with the admin certificate in Tarmak's own kubeconfig, and keeps the time of a login in the cluster's
        directory. `timeout`: seconds to wait for an answer of the API server. Raises ConfigError for another
        kubeconfig. A failed login raises nothing: `what` of the result says why `ok` is false."""
        from tarmak_iam.hook.login.admin import verify_admin

        return verify_admin(self._installation({}), self._kubectl(seconds=timeout))

    def rollback(
        self, *, to: int | None = None, dry_run: bool = False, force: bool = False, wait: float | None = ROLLOUT_SECONDS
    ) -> RolledBack:
        """Undoes the last change that `apply` made, or every change after number `to`. `wait` is as for `apply`; with
        `dry_run` nothing is changed. Raises SelectionError if there is no such change; PolicyRefused, unless `force`,
        for fields that another manager has changed since; ToolError, which is a RollbackFailed from the first change
        on."""
        from tarmak_iam.hook.cluster.history import STATE_NAME
        from tarmak_iam.hook.cluster.rollback import roll_back

        _, _, files = self._read()
        options: dict[str, Any] = {"to": to, "dry_run": dry_run, "force": force, "wait": wait, "within": files.within}
        with self._lock(is_needed=not dry_run) as lock:
            return roll_back(self._kubectl(lock), files.home / STATE_NAME, tell=self.progress, **options)

    def report(self, *, live: bool = False, date: str = "") -> AccessReview:
        """The access review of this cluster: `text()`, `html()` and `json()` of it are the formats of the command.
        `live` also asks the API server for its RBAC bindings and its current mappings; a hub has none. `date`: text
        that is shown as the date. Raises ToolError if the API server cannot be queried."""
        return review_all([self], live=live, date=date, strict=True)

    def _read(self, *, with_hubs: bool = False) -> tuple[TarmakConfig, Cluster, ClusterFiles]:
        config = self.config
        cluster = config.cluster(self.cluster_name)
        if not with_hubs:
            check_masters(cluster)
        return config, cluster, ClusterFiles.of(config, cluster, follow_links=self.follow_links)

    def _subjects(self) -> Subjects:
        """Also of a hub."""
        from tarmak_iam.lint import Subjects

        return Subjects.of_cluster(*self._read(with_hubs=True))

    def _load(self, settings: Mapping[str, Any], *, with_admin: bool = False) -> _Loaded:
        config, cluster, files = self._read()
        return config, files, Installation.load(config, cluster, files, settings, with_admin=with_admin)

    def _installation(self, settings: Mapping[str, Any], *, with_admin: bool = False) -> Installation:
        return self._load(settings, with_admin=with_admin)[2]

    def _edit(self, change: Callable[[TarmakConfig], TarmakConfig], *, dry_run: bool) -> bool:
        """Edits tarmak.yaml."""
        from tarmak_iam.hook.tarmak.backup import recover

        def edit() -> bool:
            before = self.config
            after = change(before)
            if after is not before and not dry_run:
                after.save()
            return after is not before

        def restore(is_alone: bool) -> None:
            for line in recover(self.path, is_alone=is_alone):
                self.progress(line)

        if dry_run:
            return edit()
        return edit_in_turn(lock_of_config(self.path), edit, CONFIG_EDIT, report=self.progress, first=restore)

    def _edit_cluster_files(self, edit: Callable[[], _Made], *, dry_run: bool) -> _Made:
        if dry_run:
            return edit()
        return edit_in_turn(lock_of_cluster_files(self.path), edit, CLUSTER_FILES_EDIT, report=self.progress)

    def _kubectl(self, lock: ClusterLock | None = None, *, seconds: float = ANSWER_SECONDS) -> Kubectl:
        """As the command line has it: without a lock, a refused connection is not tried again."""
        from tarmak_iam.hook.connection import Access
        from tarmak_iam.hook.programs import Programs

        programs = Programs(dict(os.environ if self.environment is None else self.environment))
        options = ("--config-directory", str(self.path.parent), "--current-cluster", self.cluster_name)
        retries: dict[str, Any] = {"lock": lock, "patience": seconds, "must_be_up": lock is None}
        return Access(programs, self.kubeconfig, self.context, options, **retries).kubectl(tell=self.progress)

    @contextlib.contextmanager
    def _lock(self, *, is_needed: bool) -> Iterator[ClusterLock | None]:
        """As the command line has it: one run at a time writes to the cluster."""
        from tarmak_iam.hook.programs import cluster_lock, lock_path

        if not is_needed:
            yield None
            return
        with cluster_lock(lock_path(self.path.parent, self.cluster_name)) as lock:
            if lock.problem is not None:
                self.progress(f"warning: {lock.problem}")
            yield lock


def review_all(
    clusters: Iterable[TarmakCluster], *, live: bool = False, date: str = "", strict: bool = False
) -> AccessReview:
    """The access review of clusters of one tarmak.yaml, as of `TarmakCluster.all(with_hubs=True)`. `live` and `date`
    are as for `TarmakCluster.report`. An error of a cluster is in its review, as `error` or `live_error`, unless it is
    raised because of `strict`. Raises SelectionError for no clusters, and for those of different files."""
    from tarmak_iam import report
    from tarmak_iam.lint import Subjects, examine

    chosen = {cluster.cluster_name: cluster for cluster in clusters}
    if len(paths := {cluster.path for cluster in chosen.values()}) != 1:
        raise SelectionError("a review is about clusters of one tarmak.yaml", remedy="review each file alone")
    config = TarmakConfig.load(path := paths.pop())

    def result(work: Callable[..., _Made], *arguments: Any) -> _Made | TarmakIamError:
        try:
            return work(*arguments)
        except TarmakIamError as error:
            if strict:
                raise
            return error

    def ask(cluster: Cluster, review: ClusterReview, installation: Installation) -> ClusterReview:
        return report.ask_cluster(review, installation, chosen[cluster.cluster_name]._kubectl())

    read = [(config.cluster(name), result(cluster._subjects)) for name, cluster in chosen.items()]
    checked = [subjects for _, subjects in read if isinstance(subjects, Subjects)] or [Subjects(config)]

    def ask_all(to_ask: list[ToAsk]) -> Iterator[tuple[Cluster, ClusterReview | TarmakIamError]]:
        return ((asked[0], result(ask, *asked)) for asked in to_ask if live)

    return report.review_clusters(config, read, examine(*checked), report.Repository.of(path.parent), date, ask_all)
