"""A kubeconfig of the user, which `kubeconfig --merge` adds to, and the role that is added."""

from __future__ import annotations

__all__ = ["OTHER", "ROLE"]

ROLE = "arn:aws:iam::111122223333:role/team/Admin"
OTHER = """\
apiVersion: v1
kind: Config
# theirs
users:
- name: other
  user: {token: c2VjcmV0}
contexts:
- name: other
  context: {cluster: other, user: other}
current-context: other
"""
