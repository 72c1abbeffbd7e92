"""Which end-to-end tests one process runs, because they share an API server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.e2e import conftest
from tests.e2e.distribution import ByApiServer, group_of, part_of


@pytest.mark.parametrize(
    ("nodeid", "expected"),
    [
        ("tests/e2e/test_live.py::test_rollback[v1.30.14-kubectl-v1.30.14]", "v1.30.14, live 2"),
        ("tests/e2e/test_live.py::test_rollback[v1.15.12-kubectl-v1.30.14]", "v1.15.12, live 2"),
        ("tests/e2e/test_login.py::test_all[v1.15.12-kubectl-v1.15.12-daemon-v0.7.18]", "v1.15.12"),
        ("tests/e2e/test_run.py::test_a_login[stub-v1.30.14-kubectl-v1.30.14]", "v1.30.14, processes"),
        ("tests/e2e/test_escalations.py::test_who[v1.30.14-bare userextras]", "v1.30.14"),
        ("tests/e2e/test_access_review.py::test_rights[v1.30.14]", "v1.30.14, objects"),
        ("tests/e2e/test_backends.py::test_a_second[v1.30.14-kubectl-v1.30.14-CRD]", "v1.30.14, objects"),
        ("tests/e2e/test_backends.py::test_a_second[v1.15.12-kubectl-v1.15.12-CRD]", "v1.15.12, objects"),
        ("tests/e2e/test_locks.py::test_writes[v1.30.14-kubectl-v1.30.14-reset]", "v1.30.14, locks 1"),
        ("tests/e2e/test_custom_resources.py::test_many[v1.30.14-kubectl-v1.30.14]", "v1.30.14, definitions"),
        ("tests/e2e/node/test_two_masters.py::test_an_update", "tests/e2e/node/test_two_masters.py"),
        ("tests/e2e/node/test_pods.py::test_an_older_release", None),
        ("tests/e2e/test_tarmak.py::test_environments_destroy[stub]", None),
        ("tests/e2e/test_sts.py::test_what_it_refuses[presigned8-SignatureDoesNotMatch]", None),
        ("tests/e2e/test_sts.py::test_it_answers", None),
    ],
)
def test_by_the_release_in_the_id(nodeid: str, expected: str | None) -> None:
    assert group_of(nodeid) == expected
    assert ByApiServer._split_scope(ByApiServer.__new__(ByApiServer), nodeid) == (expected or nodeid)


@pytest.mark.parametrize(
    ("module", "expected"), [("test_live", "live"), ("test_kills", "processes"), ("test_login", ""), ("test_sts", "")]
)
def test_halves_are_one_part(module: str, expected: str) -> None:
    assert part_of(module) == expected


def test_another_part_meets_nothing_of_the_one_before(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    @contextmanager
    def set_up(_: Path, version: str) -> Iterator[str]:
        said.append(f"{version} starts")
        yield version
        said.append(f"{version} ends")

    monkeypatch.setattr(conftest, "_set_up", set_up)
    with closing(conftest._Stages(tmp_path_factory)) as stages:
        for part, version in (("", "v1"), ("", "v1"), ("", "v2"), ("live", "v1"), ("live", "v1")):
            stages.of(part, version)
    assert said == ["v1 starts", "v2 starts", "v2 ends", "v1 ends", "v1 starts", "v1 ends"]
