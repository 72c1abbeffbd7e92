"""The definition of a rule: a check of one part of an installation, which its scope names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, NamedTuple

from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.ignored_content import IgnoredContent
from tarmak_iam.document import Document
from tarmak_iam.findings import At, Finding, Severity, Subject
from tarmak_iam.installation.admin_kubeconfig import NOT_EXAMINED
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.settings import written_route
from tarmak_iam.lint.fix import Fix
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Path, Route

if TYPE_CHECKING:
    from tarmak_iam.aws.trust_files import TrustPolicies


class Scope(str, Enum):
    """The part of the configuration that a rule checks. The rule runs only if that part is present."""

    DOCUMENT = "document"
    CONFIG = "config"
    MAPPINGS = "mappings"
    INSTALLATION = "installation"
    TRUST = "trusted"
    """The mappings with the trust policies of the roles, if they are given."""
    DYNAMIC_FILE = "dynamic_file"
    SUPPRESSIONS = "suppressions"
    """The comments that suppress findings, after all other rules have run."""


class TrustedMappings(NamedTuple):
    mappings: Mappings
    policies: TrustPolicies


@dataclass(frozen=True, slots=True)
class Subjects:
    """The parts of the configuration that are checked, one for each scope. Rules of a part that is None do not run."""

    config: TarmakConfig | None = None
    mappings: Mappings | None = None
    installation: Installation | None = None
    settings: Document | None = None
    """The settings file, for positions and comments; its values are in `installation`."""
    dynamic_file: Document | None = None
    """The mappings of the backend DynamicFile, in strict JSON; then there are no other subjects."""
    trust_policies: TrustPolicies | None = None

    @classmethod
    def of_cluster(cls, config: TarmakConfig, cluster: Cluster, files: ClusterFiles) -> Subjects:
        """All files of one cluster; of a hub only tarmak.yaml, because its mappings and settings have no effect. Raises
        TarmakIamError where one of them cannot be read or used."""
        if cluster.is_hub:
            return cls(config, installation=Installation.of(config, cluster, follow_links=files.follow_links))
        installation = Installation.load(config, cluster, files)
        return cls(config, installation.mappings, installation, files.settings_document())

    @property
    def document(self) -> IgnoredContent | None:
        """The content of tarmak.yaml as written, whether Tarmak reads it or not."""
        return None if self.config is None else self.config.ignored_content

    @property
    def trusted(self) -> TrustedMappings | None:
        if self.mappings is None or self.trust_policies is None:
            return None
        return TrustedMappings(self.mappings, self.trust_policies)

    def of(self, scope: Scope) -> Any:
        return getattr(self, scope.value)

    def text_of(self, subject: Subject) -> Document | None:
        """The file that a finding is about, None where it is not available."""
        if subject is Subject.MAPPINGS:
            return self.mappings.document if self.mappings else self.dynamic_file
        if subject is Subject.SETTINGS:
            return self.settings
        return self.config.document if self.config else None

    def as_written(self, finding: Finding) -> Finding:
        """The finding; if it is about a setting, its route has the key as it is spelled in the file."""
        if self.settings is None or finding.subject is not Subject.SETTINGS:
            return finding
        return replace(finding, route=written_route(self.settings, finding.route))


Check = Callable[["Rule", Any], Iterator[Finding]]
FixMaker = Callable[[Finding, Subjects], Fix | None]


class Implication(NamedTuple):
    """A finding of one of the rules `causes` (by name; empty for every rule) is the cause of another finding, if
    `holds(finding, cause, mappings)` is true. `adds(finding, cause)` is the cause as it is reported, with what only the
    finding says."""

    causes: tuple[str, ...] = ()
    holds: Callable[[Finding, Finding, Mappings | None], bool] = lambda *_: True
    adds: Callable[[Finding, Finding], Finding] = lambda _, cause: cause

    def is_cause(self, finding: Finding, cause: Finding, name: str | None, mappings: Mappings | None) -> bool:
        """Whether `cause`, of the rule `name`, is the cause of the finding."""
        return (not self.causes or name in self.causes) and self.holds(finding, cause, mappings)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of `tarmak-iam check`. `check` yields its findings; `summary` is one phrase about what it finds."""

    id: str
    severity: Severity
    scope: Scope
    summary: str
    check: Check
    name: str = field(default="", kw_only=True)
    """Words with hyphens, easy to remember; comments may use it instead of the ID."""
    implied_by: tuple[Implication, ...] = field(default=(), kw_only=True, repr=False)
    """The cases in which its findings are not reported, because another finding reports the cause."""
    concerns_apply: bool = field(default=True, kw_only=True)
    """Whether it is about what is applied to the cluster, and not only about this machine."""
    fix: FixMaker | None = field(default=None, kw_only=True, repr=False)
    """What fixes one of its findings, or None for a finding that it cannot fix. Called only to fix findings."""

    def finding(
        self,
        subject: Subject,
        route: Path | Route,
        message: str,
        remedy: str = "",
        *,
        at: At = At.VALUE,
        locks_out: bool = False,
        fix: Fix | Callable[[], Fix | None] | None = None,
    ) -> Finding:
        """`locks_out`: users may lose access, so the message states the recovery access (see `of_cluster`). `fix` is
        that of the finding, or a function that returns it."""
        recovery = NOT_EXAMINED if locks_out else None
        return Finding(
            self.id, self.severity, subject, Route.of(route), message, remedy, at, recovery=recovery, fix=fix
        )


class RuleFactory(NamedTuple):
    """Decorators that make the check of a built-in rule of one scope the rule itself, by severity."""

    scope: Scope

    def error(self, rule_id: str, name: str, summary: str, **more: Any) -> Callable[[Check], Rule]:
        return lambda check: Rule(rule_id, Severity.ERROR, self.scope, summary, check, name=name, **more)

    def warning(self, rule_id: str, name: str, summary: str, **more: Any) -> Callable[[Check], Rule]:
        return lambda check: Rule(rule_id, Severity.WARNING, self.scope, summary, check, name=name, **more)


DOCUMENT, CONFIG, MAPPINGS, INSTALLATION, TRUST, DYNAMIC_FILE, SUPPRESSIONS = map(RuleFactory, Scope)


_PAGES = FilePath(__file__).with_name("pages"), FilePath(__file__).parents[2] / "docs" / "rules"
"""In an installed wheel, whose build copies them (`BuildPy` in release/backend.py), and in a checkout."""


def page_of(rule_id: str) -> str:
    """The page of a built-in rule as Markdown, without title and severity; empty for other rules."""
    for directory in _PAGES:
        with suppress(OSError):
            return (directory / f"{rule_id}.md").read_text(encoding="utf-8").split("\n", 4)[-1].strip() + "\n"
    return ""
