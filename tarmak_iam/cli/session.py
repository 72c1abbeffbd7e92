"""What a command works on: the selected directory and cluster, its files, its installation, its kubectl; and notes on
them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tarmak_iam.cli.console import log, log_variables, note
from tarmak_iam.errors import ConfigError, FileError, ParseError, SelectionError
from tarmak_iam.text import CommandLine

if TYPE_CHECKING:
    from pathlib import Path

    from tarmak_iam.aws.trust_files import TrustPolicies
    from tarmak_iam.config import Cluster, TarmakConfig
    from tarmak_iam.files.boundary import Boundary
    from tarmak_iam.findings import Subject
    from tarmak_iam.hook.cluster.kubectl import Kubectl
    from tarmak_iam.hook.programs import ClusterLock
    from tarmak_iam.installation.cluster_files import ClusterFiles
    from tarmak_iam.installation.installation import Installation


CLUSTER_VARIABLE = "TARMAK_IAM_CLUSTER"


class Session(NamedTuple):
    """`source`: what selected the directory, if not -c. `kubeconfig` and `kube_context` are for kubectl. `environment`
    limits a command that works on all clusters. `default` is the cluster to use instead of currentCluster if none is
    given."""

    directory: Path | None
    cluster_name: str | None
    source: str = "-c"
    follow_links: bool = False
    kubeconfig: Path | None = None
    kube_context: str | None = None
    environment: str | None = None
    default: str | None = None
    trust_policies: TrustPolicies | None = None

    def with_trust(self, paths: Iterable[Path]) -> Session:
        """With the trust policies in the files of --trust, if any. Raises TarmakIamError."""
        if not (paths := tuple(paths)):
            return self
        from tarmak_iam.aws.trust_files import TrustPolicies

        return self._replace(trust_policies=TrustPolicies.read(paths))

    @property
    def access(self) -> tuple[str, ...]:
        """--kubeconfig and --context as they were given, for a suggested command."""
        words = () if self.kubeconfig is None else ("--kubeconfig", str(self.kubeconfig))
        return words if self.kube_context is None else (*words, "--context", self.kube_context)

    @property
    def is_named(self) -> bool:
        """Whether a directory or cluster is specified, by an option or by a variable."""
        from tarmak_iam.config import locate

        return bool(self.directory or self.cluster_name or self.default or os.environ.get(locate.ENVIRONMENT_VARIABLE))

    def path(self) -> Path | None:
        """That of tarmak.yaml; None if it cannot be found, which `config` reports with a remedy."""
        from tarmak_iam.config import locate

        with contextlib.suppress(FileError):
            return locate.config_path(self.directory, os.environ)
        return None

    def config(self) -> TarmakConfig:
        """Raises TarmakIamError."""
        from tarmak_iam.config import TarmakConfig, locate

        variable = locate.ENVIRONMENT_VARIABLE
        given = os.environ.get(variable)
        origin = f"{given} ({variable})" if given else f"~/.tarmak (neither -c nor {variable})"
        log("directory: %s", f"{self.directory} ({self.source})" if self.directory is not None else origin)
        with repair_offered(self.command("check", with_cluster=False)):
            return TarmakConfig.load(self.directory)

    def command(self, words: str, *values: str, with_cluster: bool = True) -> str:
        """A command line for the same directory and cluster; `words` stay as they are, `values` are quoted."""
        from tarmak_iam.config import locate

        directory = locate.directory_option(self.directory, os.environ)
        return CommandLine(directory, self.cluster_name if with_cluster else None).tarmak_iam(words, *values)

    def cluster(self, config: TarmakConfig) -> Cluster:
        """The cluster of --current-cluster, else of the variable, else of currentCluster. Raises SelectionError."""
        if name := self.cluster_name or self.default:
            log("cluster: %s (%s)", name, "--current-cluster" if self.cluster_name else CLUSTER_VARIABLE)
            return config.cluster(name)
        cluster = config.current_cluster
        log("cluster: %s (currentCluster, %s)", cluster.cluster_name, config.document.position(("currentCluster",)))
        return cluster

    def selected(self) -> tuple[TarmakConfig, Cluster, ClusterFiles]:
        """The configuration, the cluster and its files. Raises TarmakIamError, also for a hub."""
        from tarmak_iam.config.cluster import check_masters

        config = self.config()
        cluster = self.cluster(config)
        check_masters(cluster)
        return config, cluster, self.files(config, cluster)

    def files(self, config: TarmakConfig, cluster: Cluster) -> ClusterFiles:
        from tarmak_iam.installation.cluster_files import ClusterFiles

        return ClusterFiles.of(config, cluster, follow_links=self.follow_links)

    def installation(self, overrides: Mapping[str, Any] | None = None) -> Installation:
        """The installation of the selected cluster. Raises TarmakIamError, also for a hub."""
        config, cluster, _ = self.selected()
        return self.installation_of(config, cluster, overrides)

    def installation_if_chosen(self) -> Installation | None:
        """For commands that need no cluster: None if none is specified or current. Raises TarmakIamError."""
        try:
            config, cluster, _ = self.selected()
        except (FileError, SelectionError):
            if self.is_named:
                raise
            return None
        return self.installation_of(config, cluster)

    def installation_of(
        self,
        config: TarmakConfig,
        cluster: Cluster,
        overrides: Mapping[str, Any] | None = None,
        *,
        with_admin: bool = False,
    ) -> Installation:
        """`with_admin`: also read Tarmak's own kubeconfig, which only generated kubeconfigs need."""
        from tarmak_iam.installation.installation import Installation

        files = self.files(config, cluster)
        with repair_offered(files.command_line.tarmak_iam("check"), files.mappings_path, files.within):
            return Installation.load(config, cluster, files, overrides, with_admin=with_admin)


def session_of(context: click.Context) -> Session:
    """The selection made by the common options up to this context."""
    if isinstance(context.obj, Session):
        return context.obj
    return Session(None, None, default=os.environ.get(CLUSTER_VARIABLE))


pass_session = click.make_pass_decorator(Session)


@contextlib.contextmanager
def repair_offered(command: str, mappings: Path | None = None, within: Boundary | None = None) -> Iterator[None]:
    """An error that `check --fix` would repair in tarmak.yaml, or in these mappings, gets that command."""
    try:
        yield
    except (ConfigError, ParseError) as error:
        filename = error.place.filename if error.place is not None else ""
        is_of_file = mappings is None or filename == str(mappings)
        if is_of_file and os.path.isfile(filename):  # a pipe has been read, and would be waited for
            from pathlib import Path

            from tarmak_iam.config.type_repairs import with_types_repaired
            from tarmak_iam.files.read import read_if_present
            from tarmak_iam.mappings.mappings_file import with_templates_quoted

            with contextlib.suppress(FileError):
                repaired_as = with_types_repaired if mappings is None else with_templates_quoted
                repaired = repaired_as(read_if_present(Path(filename), within) or b"", filename)
                if repaired is not None:
                    option = "--fix" if repaired.is_safe else "--fix --unsafe-fixes"
                    error.remedy = f"{error.remedy or 'it can be repaired'} (fix: `{command} {option}`)"
        raise


def kubectl_of(
    session: Session,
    cluster_name: str,
    tell: Callable[[str], None] = note,
    *,
    lock: ClusterLock | None = None,
    seconds: float | None = None,
) -> Kubectl:
    """With the options of the session. Without a `lock` it does not wait for an API server that refuses to connect."""
    from tarmak_iam.hook.cluster.kubectl import ANSWER_SECONDS
    from tarmak_iam.hook.connection import Access
    from tarmak_iam.hook.programs import Programs

    log_variables("KUBECONFIG")
    access = Access(
        Programs(dict(os.environ)),
        session.kubeconfig,
        session.kube_context,
        () if session.directory is None else ("--config-directory", str(session.directory)),  # of tarmak
        lock=lock,
        patience=ANSWER_SECONDS if seconds is None else seconds,
        must_be_up=lock is None,
        cluster_name=cluster_name,
    )
    return access.kubectl(tell=tell)


@contextlib.contextmanager
def cluster_locked(config: TarmakConfig, cluster: Cluster) -> Iterator[ClusterLock]:
    """Against other runs; SIGTERM ends the command as Ctrl-C does, and what was done is reported. Raises ToolError."""
    from tarmak_iam.hook.programs import cluster_lock, lock_path
    from tarmak_iam.hook.tarmak.passthrough import stops_raised

    assert config.path is not None  # it is loaded from a file
    with stops_raised(), cluster_lock(lock_path(config.path.parent, cluster.cluster_name)) as lock:
        if lock.problem is not None:
            note(f"warning: {lock.problem}")
        yield lock


@contextlib.contextmanager
def exclusive_access(
    session: Session, config: TarmakConfig, cluster: Cluster, *, dry_run: bool = False
) -> Iterator[Kubectl]:
    """kubectl for a command that writes, which locks the cluster unless it is a dry run. Raises TarmakIamError."""
    with contextlib.nullcontext() if dry_run else cluster_locked(config, cluster) as lock:
        yield kubectl_of(session, cluster.cluster_name, lock=lock)


def note_image(installation: Installation, *, only: str = "") -> None:
    """A warning for each finding about image or Kubernetes version; `only`: of the rule with this ID."""
    from tarmak_iam.lint.image_rules import image_findings

    for finding in image_findings(installation):
        if only in ("", finding.id):
            note(f"warning: {finding.text} [{finding.id}]")


def note_misplaced(files: ClusterFiles, cluster: Cluster, subject: Subject) -> None:
    """A warning for each file of a kind that is in the wrong place, and so is not read: the user may have edited it."""
    from tarmak_iam.installation.cluster_files import misplaced_files
    from tarmak_iam.lint.installation_rules import misplaced_findings

    misplaced = misplaced_files(files.directory, cluster, follow_links=files.follow_links)
    for finding in misplaced_findings(misplaced, cluster.cluster_name):
        if finding.subject is subject:
            note(f"{finding.place}: warning: {finding.text} [{finding.id}]")


def note_incomplete(directory: Path, remedy: str = "run it again before you use the files") -> None:
    """A warning if a `render` to the directory was interrupted."""
    from tarmak_iam.emit.directory import is_incomplete

    if is_incomplete(directory):
        what = "a `render` to this directory was interrupted, so some files may be old and others new"
        note(f"{directory}: warning: {what}; {remedy}")
