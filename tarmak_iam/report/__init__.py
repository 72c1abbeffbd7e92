"""The access review: who can log in to which cluster, as whom, by which entry, and with which permissions."""

from tarmak_iam.report.audit_log import with_audit_logs
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.git_history import Repository
from tarmak_iam.report.html.page import page
from tarmak_iam.report.json_format import review_json
from tarmak_iam.report.live_cluster import ask_cluster
from tarmak_iam.report.model import ClusterReview, IneffectiveEntry, ReviewedPrincipal
from tarmak_iam.report.review import AccessReview, review_clusters
from tarmak_iam.report.text_format import as_lines

__all__ = ["AccessReview", "ClusterReview", "IneffectiveEntry", "Privilege", "Repository", "ReviewedPrincipal"]
__all__ += ["as_lines", "ask_cluster", "page", "review_clusters", "review_json", "with_audit_logs"]
