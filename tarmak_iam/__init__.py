"""Log in to Tarmak clusters with AWS IAM.

The names below are imported on first use, so that `import tarmak_iam` stays fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarmak_iam.plugins import __version__ as __version__
from tarmak_iam.plugins import lazy_exports

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster as Cluster
    from tarmak_iam.config import TarmakConfig as TarmakConfig
    from tarmak_iam.config.sections import Problem as Problem
    from tarmak_iam.config.sections import Section as Section
    from tarmak_iam.config.sections import SectionModel as SectionModel
    from tarmak_iam.config.sections import SectionRule as SectionRule
    from tarmak_iam.document import Document as Document
    from tarmak_iam.emit import Artifact as Artifact
    from tarmak_iam.emit import Emitter as Emitter
    from tarmak_iam.emit import yaml_bytes as yaml_bytes
    from tarmak_iam.errors import ConfigError as ConfigError
    from tarmak_iam.errors import EditRefused as EditRefused
    from tarmak_iam.errors import FileChanged as FileChanged
    from tarmak_iam.errors import FileError as FileError
    from tarmak_iam.errors import ParseError as ParseError
    from tarmak_iam.errors import PolicyRefused as PolicyRefused
    from tarmak_iam.errors import SelectionError as SelectionError
    from tarmak_iam.errors import TarmakIamError as TarmakIamError
    from tarmak_iam.errors import ToolError as ToolError
    from tarmak_iam.findings import Finding as Finding
    from tarmak_iam.findings import Severity as Severity
    from tarmak_iam.findings import Subject as Subject
    from tarmak_iam.identity import Authenticator as Authenticator
    from tarmak_iam.identity import Identity as Identity
    from tarmak_iam.identity import whois as whois
    from tarmak_iam.installation.installation import Installation as Installation
    from tarmak_iam.lint import Rule as Rule
    from tarmak_iam.lint import Scope as Scope
    from tarmak_iam.lint import Subjects as Subjects
    from tarmak_iam.lint import check as check
    from tarmak_iam.mappings import Mappings as Mappings
    from tarmak_iam.tarmak_cluster import TarmakCluster as TarmakCluster
    from tarmak_iam.tarmak_cluster import review_all as review_all

_HOMES = {
    ".config": "Cluster TarmakConfig",
    ".config.sections": "Problem Section SectionModel SectionRule",
    ".document": "Document",
    ".emit": "Artifact Emitter yaml_bytes",
    ".errors": "ConfigError EditRefused FileChanged FileError ParseError PolicyRefused SelectionError TarmakIamError"
    " ToolError",
    ".findings": "Finding Severity Subject",
    ".identity": "Authenticator Identity whois",
    ".installation.installation": "Installation",
    ".lint": "Rule Scope Subjects check",
    ".mappings": "Mappings",
    ".tarmak_cluster": "TarmakCluster review_all",
}
if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_exports(__name__, _HOMES)

__all__ = ["__version__", *sorted(" ".join(_HOMES.values()).split())]  # noqa: PLE0604  # all are strings
