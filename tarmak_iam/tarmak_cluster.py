"""One cluster of a tarmak.yaml with its files and its API server: what the command line does, as methods."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tarmak_iam.aws.arn import with_plain_account
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.installation.cluster_files import ClusterFiles, is_cluster_id
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.mappings.merging import Wanted

if TYPE_CHECKING:
    from tarmak_iam.access.diff import Effect
    from tarmak_iam.emit.directory import DirectoryPlan
    from tarmak_iam.hook.cluster.apply_plan import LiveDiff
    from tarmak_iam.hook.cluster.history import Applied, RolledBack
    from tarmak_iam.hook.cluster.kubectl import Kubectl
    from tarmak_iam.hook.lock import ClusterLock
    from tarmak_iam.hook.login.verify import Verified
    from tarmak_iam.identity import Answer
    from tarmak_iam.installation.backend_payloads import Manifest
    from tarmak_iam.lint import Located, Subjects
    from tarmak_iam.report import AccessReview

__all__ = ["TarmakCluster"]

ROLLOUT_SECONDS = 300.0
VERIFY_SECONDS = 60.0
"""As in the hook, which is imported only where it is used."""

Progress = Callable[[str], None]


def _no_progress(_: str) -> None:
    """Prints nothing."""


@dataclass(frozen=True, slots=True)
class TarmakCluster:
    """One cluster of a tarmak.yaml, its mappings and settings, and its API server.

    Each method does what the command of that name does, with the same checks and refusals, and reads the files anew:
    a handle stays valid while files change. Every method raises TarmakIamError; PolicyRefused where the command line
    asks for --force. Nothing is printed: `progress` is called with one line about each thing that is waited for.

    `path` is tarmak.yaml. `kubeconfig` and `context` choose how kubectl reaches the cluster, without them
    `tarmak clusters kubeconfig` is run. `environment` is that of tarmak, kubectl and AWS; None is the process's own.
    """

    path: Path
    cluster_name: str
    kubeconfig: Path | None = field(default=None, kw_only=True)
    context: str | None = field(default=None, kw_only=True)
    environment: Mapping[str, str] | None = field(default=None, kw_only=True, repr=False)
    follow_links: bool = field(default=False, kw_only=True, repr=False)
    progress: Progress = field(default=_no_progress, kw_only=True, repr=False)

    @classmethod
    def load(
        cls, cluster_name: str | None = None, path: str | os.PathLike[str] | None = None, **more: Any
    ) -> TarmakCluster:
        """`cluster_name`: ENVIRONMENT-NAME, None for `currentCluster`. `path`: tarmak.yaml or its directory, as for
        `TarmakConfig.load`. `more`: the other attributes by name.

        Raises TarmakIamError: SelectionError for a cluster that is not in the file.
        """
        config = TarmakConfig.load(path)
        cluster = config.cluster(cluster_name) if cluster_name is not None else config.current_cluster
        assert config.path is not None  # it is loaded from a file
        return cls(config.path, cluster.cluster_name, **more)

    @property
    def config(self) -> TarmakConfig:
        """tarmak.yaml as it is now."""
        return TarmakConfig.load(self.path)

    @property
    def mappings(self) -> Mappings:
        """The mappings file as it is now; empty where there is none. `save()` writes it without `map`'s checks."""
        config, cluster = self._read()
        return self._files(config, cluster).mappings_or_new()

    def installation(self, **settings: Any) -> Installation:
        """The cluster's IAM login as its files have it. `settings` replace those of the settings file, by name."""
        config, cluster = self._read()
        return Installation.load(config, cluster, self._files(config, cluster), settings, with_admin=True)

    def enable(self) -> bool:
        """Sets `awsIAMAuthenticatorInit` to true. Returns whether tarmak.yaml changed."""
        return self._edit(lambda config: config.enable_authenticator(self.cluster_name))

    def disable(self) -> bool:
        """Removes `awsIAMAuthenticatorInit`, or sets it to false where it has a comment. Returns whether tarmak.yaml
        changed."""
        return self._edit(lambda config: config.disable_authenticator(self.cluster_name))

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
    ) -> list[Effect]:
        """Maps an IAM role, user or account, or an SSO permission set (`sso:ACCOUNT/NAME`), and writes the mappings
        file. An existing mapping keeps its username without `username`, and its groups unless `replace_groups`.

        Returns who gains and who loses access, empty where nothing changed. Raises PolicyRefused, nothing changed, for
        an error that `check` would find in the new mapping, and where the last admin, a node role or the caller with
        the ARN `me` would lose access; `force` writes it anyway.
        """
        from tarmak_iam.access.lockout import principal_refusal

        before, start = self._to_edit()
        chosen = None if groups is None else tuple(groups)
        wanted = Wanted(with_plain_account(principal), username, chosen, adds_groups=not replace_groups)
        after, (outcome,) = start.merge([wanted], strip_path=strip_path, refuse=principal_refusal(before))
        if outcome.error is not None:
            raise outcome.error
        return self._write(before, start, after, me=me, force=force)

    def unmap(self, principal: str, *, me: str | None = None, force: bool = False) -> list[Effect]:
        """Removes every mapping of a principal. Returns who loses access, empty where it is not mapped; raises as
        `map` does."""
        before, start = self._to_edit()
        after = start.remove(with_plain_account(principal))
        return self._write(before, start, after, me=me, force=force, repairs=True)

    def check(self) -> list[Located]:
        """The findings about the cluster's files, as `check` reports them; `str()` of one is its line."""
        from tarmak_iam.lint import check

        return check(self._subjects(*self._read()))

    def whois(self, arn: str, *, session_name: str = "SESSION", user_id: str = "", access_key_id: str = "") -> Answer:
        """Who the caller with this ARN becomes. The ARN of a role stands for a session of that role."""
        from tarmak_iam.identity.caller import identity_of

        return self.installation().loaded.whois(
            identity_of(with_plain_account(arn), session_name, user_id, access_key_id)
        )

    def manifests(self) -> list[Manifest]:
        """The Kubernetes objects as plain data, in apply order."""
        from tarmak_iam.emit import manifests

        return manifests(self.installation())

    def render(self, directory: str | os.PathLike[str], *, force: bool = False) -> DirectoryPlan:
        """Writes all artifacts into a directory for `kubectl apply -k`. Returns what was written, by `steps`.

        `force` overwrites files that were not written by `render`, or were changed since.
        """
        from tarmak_iam.emit import render
        from tarmak_iam.emit.directory import plan_directory, write_directory

        config, installation = self.config, self.installation()
        artifacts, _ = render(installation)
        files = [self._files(config, each) for each in config.clusters if is_cluster_id(each.cluster_name)]
        own = [self.path, *(path for each in files for path in each.own)]
        planned = plan_directory(Path(directory), artifacts, self.cluster_name, force=force, untouchable=own)
        write_directory(planned)
        return planned

    def diff(self) -> LiveDiff:
        """What `apply` would change in the cluster, and who would gain and lose access. Changes nothing."""
        from tarmak_iam.emit import manifests
        from tarmak_iam.hook.cluster.apply_plan import live_diff

        installation = self.installation()
        manifests(installation)  # before tarmak is asked for a kubeconfig, which can take minutes
        return live_diff(installation, self._kubectl())

    def apply(
        self,
        *,
        dry_run: Literal["client", "server"] | None = None,
        check: bool = True,
        force: bool = False,
        wait: float | None = ROLLOUT_SECONDS,
    ) -> Applied:
        """Applies the objects of `manifests` to the cluster. `check=False` applies although `check` finds errors.
        `wait`: seconds for the rollout, None not to wait.

        Raises ApplyFailed from the first change on; `rollback` then restores what was there before.
        """
        from tarmak_iam.emit import manifests
        from tarmak_iam.hook.cluster.apply import apply_to_cluster
        from tarmak_iam.hook.cluster.history import STATE_NAME
        from tarmak_iam.hook.preflight import refuse_errors

        config, cluster = self._read()
        subjects = self._subjects(config, cluster)
        if check:
            refuse_errors(cluster, subjects)
        installation, files = self.installation(), self._files(config, cluster)
        manifests(installation)  # before tarmak is asked for a kubeconfig, which can take minutes
        with self._lock(is_needed=dry_run is None) as lock:
            return apply_to_cluster(
                installation,
                self._kubectl(lock),
                files.home / STATE_NAME,
                dry_run=dry_run,
                force=force,
                wait=wait,
                tell=self.progress,
                within=files.within,
            )

    def verify(
        self, *, role: str | None = None, profile: str | None = None, timeout: float = VERIFY_SECONDS
    ) -> Verified:
        """Logs in with AWS credentials, and compares who the API server says that is with `whois`.

        `role` is assumed first, `profile` has the credentials; None: as in the settings. `timeout`: seconds to try
        again while the login fails. `ok` of the result is true only for a login as a principal that is mapped.
        """
        from tarmak_iam.hook.login.verify import verify_login

        installation = self.installation(role=role, profile=profile)
        return verify_login(installation, self._kubectl(), seconds=timeout, tell=self.progress)

    def rollback(
        self,
        *,
        to: int | None = None,
        dry_run: bool = False,
        force: bool = False,
        wait: float | None = ROLLOUT_SECONDS,
    ) -> RolledBack:
        """Undoes the last change that `apply` made, or every change after number `to`."""
        from tarmak_iam.hook.cluster.history import STATE_NAME
        from tarmak_iam.hook.cluster.rollback import roll_back

        config, cluster = self._read()
        files = self._files(config, cluster)
        with self._lock(is_needed=not dry_run) as lock:
            return roll_back(
                self._kubectl(lock),
                files.home / STATE_NAME,
                to=to,
                force=force,
                dry_run=dry_run,
                wait=wait,
                tell=self.progress,
                within=files.within,
            )

    def report(self, *, live: bool = False, date: str = "") -> AccessReview:
        """The access review of this cluster; `tarmak_iam.report` has it as text, HTML and JSON.

        `live` asks the API server too, what usernames and groups may do. `date` is shown as it is.
        """
        from tarmak_iam.lint import examine
        from tarmak_iam.report import Repository, ReviewedCluster, ask_cluster, put_together, review_cluster

        config, cluster = self._read()
        subjects = self._subjects(config, cluster)
        found = examine(subjects)
        repository = Repository.of(self.path.parent)
        installation = subjects.installation
        assert installation is not None  # of_cluster returns one
        review = review_cluster(subjects, found, repository)
        if live:
            review = ask_cluster(review, installation, self._kubectl())
        return put_together(self.path, [ReviewedCluster(review, installation.loaded)], found, repository, date)

    def _read(self) -> tuple[TarmakConfig, Cluster]:
        config = self.config
        return config, config.cluster(self.cluster_name)

    def _files(self, config: TarmakConfig, cluster: Cluster) -> ClusterFiles:
        return ClusterFiles.of(config, cluster, follow_links=self.follow_links)

    def _subjects(self, config: TarmakConfig, cluster: Cluster) -> Subjects:
        from tarmak_iam.lint import Subjects

        return Subjects.of_cluster(config, cluster, self._files(config, cluster))

    def _edit(self, change: Callable[[TarmakConfig], TarmakConfig]) -> bool:
        before = self.config
        after = change(before)
        if after is not before:
            after.save()
        return after is not before

    def _to_edit(self) -> tuple[Installation, Mappings]:
        config, cluster = self._read()
        files = self._files(config, cluster)
        installation = Installation.load(config, cluster, files)
        return installation, installation.mappings or files.mappings_or_new()

    def _write(
        self,
        before: Installation,
        start: Mappings,
        after: Mappings,
        *,
        me: str | None,
        force: bool,
        repairs: bool = False,
    ) -> list[Effect]:
        if after is start:
            return []
        from tarmak_iam.access.diff import Loaded, effects
        from tarmak_iam.access.lockout import check_admin_access, check_starts
        from tarmak_iam.lint.new_findings import NewFindings

        now, then = Loaded.of(before), Loaded.of(replace(before, mappings=after))
        check_starts(now, then, repairs=repairs)
        if not force:
            check_admin_access(now, then, me)
            if not repairs:
                NewFindings.of(now.installation, then.installation).refuse_errors()
        after.save()
        return list(effects(now, then))

    def _kubectl(self, lock: ClusterLock | None = None) -> Kubectl:
        from tarmak_iam.hook.connection import Access
        from tarmak_iam.hook.programs import Programs

        environment = dict(os.environ if self.environment is None else self.environment)
        options = ("--config-directory", str(self.path.parent), "--current-cluster", self.cluster_name)
        access = Access(Programs(environment), self.kubeconfig, self.context, options, lock=lock)
        return access.kubectl(tell=self.progress)

    @contextlib.contextmanager
    def _lock(self, *, is_needed: bool) -> Iterator[ClusterLock | None]:
        """As the command line has it: one run at a time writes to the cluster."""
        from tarmak_iam.hook.lock import cluster_lock, lock_path

        if not is_needed:
            yield None
            return
        with cluster_lock(lock_path(self.path.parent, self.cluster_name)) as lock:
            if lock.problem is not None:
                self.progress(f"warning: {lock.problem}")
            yield lock
