"""The access review: who can log in to which cluster, as whom, by which entry, and with which permissions."""

from tarmak_iam.report.audit_log import with_audit_logs
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.git_history import Repository
from tarmak_iam.report.html.page import page
from tarmak_iam.report.json_format import review_json
from tarmak_iam.report.live_cluster import ask_cluster
from tarmak_iam.report.model import ClusterReview, IneffectiveEntry, ReviewedPrincipal
from tarmak_iam.report.review import AccessReview, ReviewedCluster, put_together, review_cluster, unreadable_cluster
from tarmak_iam.report.text_format import as_lines

__all__ = ["AccessReview", "ClusterReview", "IneffectiveEntry", "Privilege", "Repository", "ReviewedCluster"]
__all__ += ["ReviewedPrincipal", "as_lines", "ask_cluster", "page", "put_together", "review_cluster", "review_json"]
__all__ += ["unreadable_cluster", "with_audit_logs"]
