"""docs/reference/escalations.md: the escalations with which the report is tested."""

from __future__ import annotations

from tests.report.escalations import ESCALATIONS

__all__ = ["escalations"]

_TEXT = """\
# Privilege escalations

Permissions in Kubernetes with which a user can get more permissions, and the privilege that
[`tarmak-iam report`](../report.md#contents-of-a-review) shows for each. The third column names the sources that
describe it: "Role Based Access Control Good Practices" in the documentation of Kubernetes,
[rbac-police](https://github.com/PaloAltoNetworks/rbac-police), [krane](https://github.com/appvia/krane),
[KubiScan](https://github.com/cyberark/KubiScan) and [Peirates](https://github.com/inguardians/peirates).

The RBAC rules of each row are in `tests/report/escalations`. The tests of the report use them, and the end-to-end tests
compare them with the SubjectAccessReviews of a real API server.

| escalation | bound in | described by | privilege |
|---|---|---|---|
"""


def escalations() -> str:
    return _TEXT + "".join(f"{case.row}\n" for case in ESCALATIONS)
