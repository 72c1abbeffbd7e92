"""The loaded authenticator: answers who a caller becomes, as the real daemon of that version would."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.identity.backends import load_tables
from tarmak_iam.identity.config_file import parse_config
from tarmak_iam.identity.daemon_config import DaemonConfig, read_daemon_config
from tarmak_iam.identity.grants import Granting
from tarmak_iam.identity.model import Answer, Grant, Identity, Locate
from tarmak_iam.identity.refusal import NotStarted
from tarmak_iam.identity.review import Reviewer
from tarmak_iam.identity.sts import accepts_tokens_of
from tarmak_iam.identity.table import Table
from tarmak_iam.identity.versions import DEFAULT_RELEASE, DaemonVersion
from tarmak_iam.routes import Route

__all__ = ["Authenticator", "whois"]


@dataclass(frozen=True)
class Authenticator:
    """A configuration loaded for one daemon version. `config` is None where the daemon would not start."""

    config: DaemonConfig | None
    failure: Answer | None = None
    document: Document | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = field(default=(), repr=False)
    """What the backends have loaded, in the order they are asked."""
    _reviewer: Reviewer | None = field(default=None, repr=False)

    @classmethod
    def load(
        cls,
        config_text: str,
        *,
        version: str = str(DEFAULT_RELEASE),
        cluster_id: str | None = None,
        args: Iterable[str] = (),
        files: AnyMapping[str, str] | None = None,
        filename: str = "config.yaml",
        private_dns_names: AnyMapping[str, str] | None = None,
        shown_as: str | None = None,
        carried: bool = False,
    ) -> Authenticator:
        """Reads the daemon's configuration as that version does. Nothing raises: see `Authenticator.failure`.

        `args` are the daemon's own flags; `filename`'s extension selects the format; `files` are other
        files it reads, by their last path component, and the cluster's objects that it watches (see
        `load_tables`); `cluster_id` is the token's (None: the config's own); `private_dns_names`: by
        instance id, what ec2:DescribeInstances would answer; `shown_as` is the file's name in places, where
        it is not `filename`; `carried`: no objects are looked at, every backend has what it can carry of the
        configuration's own lists.
        """
        document = None
        locate: Locate = _nowhere
        try:
            parsed = DaemonVersion.parse(version)
            document = parse_config(config_text, str(filename), shown_as)
            locate = partial(_position, document)
            config = read_daemon_config(document, parsed, _as_args(args))
            tables, notes = load_tables(config, files or {}, locate, carried=carried)
        except ConfigError as error:
            return cls(None, Answer(started=False, reason=error.message))
        except NotStarted as stop:
            return cls(None, Answer(started=False, reason=stop.reason, route=stop.route, locate=locate))
        if parsed.unread:
            notes = (f"{parsed} {parsed.unread}; the answer is {parsed.known}'s", *notes)
        reviewer = Reviewer(config, tables, cluster_id, private_dns_names or {}, notes, locate)
        return cls(config, None, document, notes, tables, reviewer)

    @property
    def grants(self) -> tuple[Grant, ...]:
        """Every principal that some caller can be, once, with the entry that decides for it; none if the
        daemon would not start."""
        return tuple(self._granting.all()) if self._granting else ()

    def grant(self, asked: Grant) -> Grant | None:
        """What the principal of a grant, which may be another configuration's, gets here; None if it cannot log in."""
        return self._granting.of(asked) if self._granting else None

    def alternatives(self, asked: Grant) -> tuple[Grant, ...]:
        """What else the principal of a grant may get, where the daemon picks one of several entries at random."""
        return self._granting.alternatives(asked) if self._granting else ()

    @cached_property
    def _granting(self) -> Granting | None:
        config = self.config
        if config is None:
            return None
        return Granting(
            self.tables, config.version, lambda own: accepts_tokens_of(own, config.partition, config.version)
        )

    def whois(self, identity: Identity) -> Answer:
        """Who the caller becomes."""
        if self._reviewer is None:
            return self.failure or Answer(started=False)
        return self._reviewer.review(identity)


def whois(
    config_text: str,
    identity: Identity,
    version: str = str(DEFAULT_RELEASE),
    cluster_id: str | None = None,
    args: Iterable[str] = (),
    files: AnyMapping[str, str] | None = None,
    filename: str = "config.yaml",
    private_dns_names: AnyMapping[str, str] | None = None,
) -> Answer:
    """Who a caller becomes: `Authenticator.load(...).whois(identity)` in one go."""
    authenticator = Authenticator.load(
        config_text,
        version=version,
        cluster_id=cluster_id,
        args=args,
        files=files,
        filename=filename,
        private_dns_names=private_dns_names,
    )
    return authenticator.whois(identity)


def _position(document: Document, route: Route | None) -> Place | None:
    return document.position(route) if route is not None else None


def _nowhere(_: Route | None) -> None:
    return None


def _as_args(args: Iterable[str] | None) -> tuple[str, ...]:
    """A single text is one argument, not its letters."""
    return (args,) if isinstance(args, str) else tuple(args or ())
