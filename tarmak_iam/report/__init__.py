"""The access review: who can get into which cluster, as whom, by which entry, and what they may do there."""

from tarmak_iam.report.as_json import as_json
from tarmak_iam.report.as_text import as_lines
from tarmak_iam.report.cluster import review_cluster, unreadable
from tarmak_iam.report.history import Repository
from tarmak_iam.report.html.page import page
from tarmak_iam.report.live import ask_cluster
from tarmak_iam.report.model import AccessReview, ClusterReview, Outsider, Principal, Privilege
from tarmak_iam.report.review import Reviewed, put_together

__all__ = [
    "AccessReview",
    "ClusterReview",
    "Outsider",
    "Principal",
    "Privilege",
    "Repository",
    "Reviewed",
    "as_json",
    "as_lines",
    "ask_cluster",
    "page",
    "put_together",
    "review_cluster",
    "unreadable",
]
