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
            "Artifact": "tarmak_iam.emit",
            "Authenticator": "tarmak_iam.identity",
            "Cluster": "tarmak_iam.config",
            "ConfigError": "tarmak_iam.errors",
            "Document": "tarmak_iam.document",
            "EditRefused": "tarmak_iam.errors",
            "Emitter": "tarmak_iam.emit",
            "FileChanged": "tarmak_iam.errors",
            "FileError": "tarmak_iam.errors",
            "Finding": "tarmak_iam.findings",
            "Identity": "tarmak_iam.identity",
            "Installation": "tarmak_iam.installation.installation",
            "Mappings": "tarmak_iam.mappings",
            "ParseError": "tarmak_iam.errors",
            "PolicyRefused": "tarmak_iam.errors",
            "Problem": "tarmak_iam.config.sections",
            "Rule": "tarmak_iam.lint",
            "Scope": "tarmak_iam.lint",
            "Section": "tarmak_iam.config.sections",
            "SectionModel": "tarmak_iam.config.sections",
            "SectionRule": "tarmak_iam.config.sections",
            "SelectionError": "tarmak_iam.errors",
            "Severity": "tarmak_iam.findings",
            "Subject": "tarmak_iam.findings",
            "Subjects": "tarmak_iam.lint",
            "TarmakCluster": "tarmak_iam.tarmak_cluster",
            "TarmakConfig": "tarmak_iam.config",
            "TarmakIamError": "tarmak_iam.errors",
            "ToolError": "tarmak_iam.errors",
            "check": "tarmak_iam.lint",
            "whois": "tarmak_iam.identity",
            "yaml_bytes": "tarmak_iam.emit",
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
