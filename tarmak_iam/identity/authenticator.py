"""The loaded authenticator: says who a caller becomes, as the real daemon of that release would."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from tarmak_iam.document import Document
from tarmak_iam.document.document import gc_paused
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.backend_table import BackendTable
from tarmak_iam.identity.backends import load_tables
from tarmak_iam.identity.daemon_config import DaemonConfig, read_daemon_config
from tarmak_iam.identity.flags import parse_flags
from tarmak_iam.identity.grants import Granting, likeliest_grant, other_grants
from tarmak_iam.identity.model import Answer, DaemonInput, DaemonNotStarted, Grant, Identity, Locate, no_place, place_in
from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion
from tarmak_iam.identity.sts_verification import accepts_tokens_of
from tarmak_iam.identity.token_review import TokenReviewer, with_alternatives
from tarmak_iam.identity.viper import Item, load_config, parse_config, possible_files, take_each


@dataclass(frozen=True)
class Authenticator:
    """A configuration as one release of the authenticator loads it. `config` is None if it would not start.

    If the authenticator picks one of several keys at random, `config` and `tables` are the likeliest choice, and
    answers list what the others lead to.
    """

    config: DaemonConfig | None
    failure: Answer | None = None
    document: Document | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    tables: tuple[BackendTable, ...] = field(default=(), repr=False)
    """What the backends have loaded, in the order in which the daemon uses them."""
    is_complete: bool = True
    """False where the daemon can read the configuration in more ways than were checked; a note says so."""
    _reviewers: tuple[TokenReviewer, ...] = field(default=(), repr=False)
    _grantings: tuple[Granting, ...] = field(default=(), repr=False)

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
    ) -> Authenticator:
        """Reads the authenticator's configuration as the release `version` does. Raises nothing: `failure` says why the
        authenticator would not start.

        `args`: its flags. `cluster_id`: that of the tokens; None for the one in the configuration. `files`: the texts
        of other files that it reads, by file name, and of the cluster's objects for its backends. `filename`: its
        extension selects the format. `private_dns_names`: what EC2 would return, by instance ID.
        """
        # A single string is one argument, not a list of characters.
        args = (args,) if isinstance(args, str) else tuple(args or ())
        names = private_dns_names or {}
        return cls.of(DaemonInput(config_text, version, cluster_id, args, files or {}, str(filename), names))

    @classmethod
    @gc_paused()
    def of(cls, given: DaemonInput) -> Authenticator:
        """As `load`, from one value."""
        document = None
        locate: Locate = no_place
        try:
            version = DaemonVersion.parse(given.version)
            document = given.document or parse_config(given.config_text, given.filename, given.shown_as)
            locate = partial(place_in, document)
            flags = parse_flags(given.args, version)
            ways = possible_files(load_config(document, version))

            def load(file: Item) -> tuple[DaemonConfig, tuple[BackendTable, ...], tuple[str, ...]]:
                config = read_daemon_config(file, version, flags)
                return config, *load_tables(config, given, locate)

            loaded, stops = take_each(ways.items, load)
        except ConfigError as error:
            return cls(None, Answer(started=False, reason=error.message))
        except DaemonNotStarted as stop:
            place = stop.place
            where = locate if place is None else lambda _: place
            return cls(
                None,
                Answer(started=False, reason=stop.reason, route=stop.route, locate=where, remedy=stop.remedy),
            )
        unread = (f"{version} {version.unread}; this is the answer of {version.known}",) if version.unread else ()
        of_ways = (note for config, _, notes in loaded for note in (*config.notes, *notes))
        notes = tuple(dict.fromkeys((*unread, *ways.notes, *of_ways, *stops)))
        config, tables, _ = loaded[0]
        return cls(
            config,
            None,
            document,
            notes,
            tables,
            is_complete=ways.is_complete and all(config.is_complete for config, _, _ in loaded),
            _reviewers=tuple(TokenReviewer(config, tables, given, notes, locate) for config, tables, _ in loaded),
            _grantings=tuple(
                Granting(
                    tables,
                    version,
                    partial(accepts_tokens_of, daemon=config.partition, version=version),
                    names_instances=not config.ec2_crash,
                )
                for config, tables, _ in loaded
            ),
        )

    @cached_property
    def grants(self) -> tuple[Grant, ...]:
        """Every principal that a caller can be, once, with the mapping that takes effect for it; empty if the daemon
        would not start. Where it picks one of several keys at random, the principals of all of them."""
        if len(self._grantings) == 1:
            return tuple(self._grantings[0].all())
        named: dict[tuple[str, str], Grant] = {}
        for granting in self._grantings:
            for grant in granting.all():
                named.setdefault(grant.key, grant)
        return tuple(grant for grant in map(self.grant, named.values()) if grant is not None)

    def grant(self, asked: Grant) -> Grant | None:
        """What the principal of a grant gets here; the grant may be of another configuration. None if it cannot
        log in."""
        return likeliest_grant(self.possible_grants(asked))

    def alternatives(self, asked: Grant) -> tuple[Grant, ...]:
        """What else the principal of a grant can get, where the daemon picks one of several mappings or keys at
        random. Its `grant` says whether it can also be denied."""
        return other_grants(self.possible_grants(asked))

    def possible_grants(self, asked: Grant) -> tuple[Grant | None, ...]:
        """All that the principal of a grant can get, the likeliest first, None for a denial: several where the daemon
        picks at random. Empty if it would not start."""
        return tuple(grant for granting in self._grantings for grant in granting.possible_grants(asked))

    def whois(self, identity: Identity) -> Answer:
        """Who the caller becomes."""
        answers = [reviewer.review(identity) for reviewer in self._reviewers]
        if not answers:
            return self.failure or Answer(started=False)
        return with_alternatives(sorted(answers, key=lambda answer: not answer.authenticated))


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
    """Who a caller becomes: short for `Authenticator.load(...).whois(identity)`."""
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
