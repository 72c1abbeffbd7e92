"""Log in to Tarmak clusters with AWS IAM.

The names below are imported on first use, so that `import tarmak_iam` stays fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarmak_iam._version import __version__
from tarmak_iam.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig
    from tarmak_iam.config.sections import Problem, Section, SectionModel, SectionRule
    from tarmak_iam.document import Document
    from tarmak_iam.emit import Artifact, Emitter, yaml_bytes
    from tarmak_iam.errors import (
        ConfigError,
        EditRefused,
        FileChanged,
        FileError,
        ParseError,
        PolicyRefused,
        SelectionError,
        TarmakIamError,
        ToolError,
    )
    from tarmak_iam.findings import Finding, Severity, Subject
    from tarmak_iam.identity import Authenticator, Identity, whois
    from tarmak_iam.installation.installation import Installation
    from tarmak_iam.lint import Rule, Scope, Subjects, check
    from tarmak_iam.mappings import Mappings
    from tarmak_iam.tarmak_cluster import TarmakCluster
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            ".emit": "Artifact Emitter yaml_bytes",
            ".identity": "Authenticator Identity whois",
            ".config": "Cluster TarmakConfig",
            ".errors": "ConfigError EditRefused FileChanged FileError ParseError PolicyRefused SelectionError"
            " TarmakIamError ToolError",
            ".document": "Document",
            ".findings": "Finding Severity Subject",
            ".installation.installation": "Installation",
            ".mappings": "Mappings",
            ".config.sections": "Problem Section SectionModel SectionRule",
            ".lint": "Rule Scope Subjects check",
            ".tarmak_cluster": "TarmakCluster",
        },
    )

__all__ = [
    "Artifact",
    "Authenticator",
    "Cluster",
    "ConfigError",
    "Document",
    "EditRefused",
    "Emitter",
    "FileChanged",
    "FileError",
    "Finding",
    "Identity",
    "Installation",
    "Mappings",
    "ParseError",
    "PolicyRefused",
    "Problem",
    "Rule",
    "Scope",
    "Section",
    "SectionModel",
    "SectionRule",
    "SelectionError",
    "Severity",
    "Subject",
    "Subjects",
    "TarmakCluster",
    "TarmakConfig",
    "TarmakIamError",
    "ToolError",
    "__version__",
    "check",
    "whois",
    "yaml_bytes",
]
