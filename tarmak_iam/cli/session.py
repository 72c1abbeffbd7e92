"""What a command works on: the configuration and the cluster that the common options choose."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.verbosity import log
from tarmak_iam.command_line import CommandLine
from tarmak_iam.errors import FileError, SelectionError

if TYPE_CHECKING:  # imported in the functions: --help and --version do without pydantic and ruamel.yaml
    from tarmak_iam.clusterfiles import ClusterFiles
    from tarmak_iam.config import Cluster, TarmakConfig
    from tarmak_iam.installation import Installation

__all__ = ["Session", "pass_session", "session_of", "way_in"]


@dataclass(frozen=True, slots=True)
class Session:
    """`source`: what has chosen the directory, where it is not the user's own -c. `follow_links` as in
    `ClusterFiles`."""

    directory: Path | None
    cluster_name: str | None
    source: str = "-c"
    follow_links: bool = False

    def config(self) -> TarmakConfig:
        """Raises TarmakIamError."""
        from tarmak_iam.config import TarmakConfig

        log("directory: %s", self._origin)
        return TarmakConfig.load(self.directory)

    def command(self, words: str, *values: str) -> str:
        """A command for the same directory and cluster, where no configuration is at hand: `words` as they are,
        `values` quoted for the shell."""
        from tarmak_iam.config.locate import directory_option

        return CommandLine(directory_option(self.directory, os.environ), self.cluster_name).tarmak_iam(words, *values)

    def cluster(self, config: TarmakConfig) -> Cluster:
        """The one that --current-cluster names, else the current one. Raises SelectionError."""
        if self.cluster_name:
            log("cluster: %s (--current-cluster)", self.cluster_name)
            return config.cluster(self.cluster_name)
        cluster = config.current_cluster
        log("cluster: %s (currentCluster, %s)", cluster.cluster_name, config.document.position(("currentCluster",)))
        return cluster

    def files(self, config: TarmakConfig, cluster: Cluster) -> ClusterFiles:
        from tarmak_iam.clusterfiles import ClusterFiles

        return ClusterFiles.of(config, cluster, follow_links=self.follow_links)

    def cluster_files(self) -> ClusterFiles:
        """The files of the chosen cluster. Raises TarmakIamError."""
        config = self.config()
        return self.files(config, self.cluster(config))

    def installation(self, overrides: Mapping[str, Any] | None = None, *, with_admin: bool = False) -> Installation:
        """Everything that is known of the chosen cluster. Raises TarmakIamError.

        `with_admin`: Tarmak's own kubeconfig is read too, which only the making of kubeconfigs needs.
        """
        config = self.config()
        return self.installation_of(config, self.cluster(config), overrides, with_admin=with_admin)

    @property
    def _origin(self) -> str:
        """The directory, and why it is that."""
        from tarmak_iam.config.locate import ENVIRONMENT_VARIABLE

        if self.directory is not None:
            return f"{self.directory} ({self.source})"
        given = os.environ.get(ENVIRONMENT_VARIABLE)
        return f"{given} ({ENVIRONMENT_VARIABLE})" if given else f"~/.tarmak (neither -c nor {ENVIRONMENT_VARIABLE})"

    @property
    def is_named(self) -> bool:
        """Whether somebody has named a directory or cluster, in an option or in TARMAK_CONFIG."""
        from tarmak_iam.config.locate import ENVIRONMENT_VARIABLE

        return bool(self.directory or self.cluster_name or os.environ.get(ENVIRONMENT_VARIABLE))

    def installation_if_chosen(self) -> Installation | None:
        """For commands that do without: None where nobody has named a directory or cluster and there is no
        tarmak.yaml in Tarmak's own place, or no current cluster in it. Raises TarmakIamError for everything else."""
        try:
            config = self.config()
            cluster = self.cluster(config)
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
        from tarmak_iam.reading import read_installation

        return read_installation(config, cluster, self.files(config, cluster), overrides, with_admin=with_admin)


def session_of(context: click.Context) -> Session:
    """What the common options have chosen so far, on the way to this context."""
    return context.obj if isinstance(context.obj, Session) else Session(None, None)


pass_session = click.make_pass_decorator(Session)


def way_in(installation: Installation | None) -> str:
    """What was found of the admin certificate, where no cluster may be known."""
    from tarmak_iam.admin_access import NOT_EXAMINED

    return installation.way_in if installation else NOT_EXAMINED
