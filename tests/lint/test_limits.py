"""Files that were made to keep `check` busy: the work is limited, and a limit that is met is an error that names it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.cluster import metadata_name
from tarmak_iam.config.edit_checks import check_edit
from tarmak_iam.config.ignored_content import suggest_key
from tarmak_iam.config.section_keys import load_sections
from tarmak_iam.document.nodes import dereference
from tarmak_iam.errors import ConfigError
from tarmak_iam.lint import Subjects, check
from tarmak_iam.lint.rule import Implication
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Route
from tests.lint.mapped import ADMIN, only, places

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n"


def counted(calls: list[str], original: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **named: Any) -> Any:
        calls.append(original.__name__)
        return original(*args, **named)

    return call


@pytest.mark.parametrize(
    "comments",
    [
        lambda count: "# tarmak-iam: ignore[IAM074] because\n" * count,
        lambda count: f"# tarmak-iam: ignore[{', '.join(['IAM074'] * count)}] because\n",
        lambda count: "# tarmak-iam: ignore\n" * count,
    ],
    ids=["comments", "IDs of one comment", "without an ID"],
)
def test_suppressions_have_a_limit(comments: Callable[[int], str]) -> None:
    check(Subjects(TarmakConfig.parse(HEAD + comments(500))))
    with pytest.raises(ConfigError) as caught:
        check(Subjects(TarmakConfig.parse(HEAD + comments(501))))
    assert caught.value.what == "the file has comments that suppress more than 500 findings, which is the limit"


def test_findings_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more are made than the limit."""
    monkeypatch.setattr(sys.modules["tarmak_iam.lint.check"], "_MOST_FINDINGS", 3)
    assert len(check(Subjects(TarmakConfig.parse(HEAD + "".join(f"unknown{number}: 1\n" for number in range(3)))))) == 3
    calls: list[str] = []
    monkeypatch.setattr("tarmak_iam.lint.config_rules.dereference", counted(calls, dereference))
    with pytest.raises(ConfigError) as caught:
        check(Subjects(TarmakConfig.parse(HEAD + "contact: a\n" * 300, "tarmak.yaml")))
    assert str(caught.value).startswith("tarmak.yaml:7:1: there are more than 3 findings, which is the limit; ")
    assert len(calls) == 8  # both values of each duplicate


def test_similar_keys_are_searched_once_and_for_the_first_unknown_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr("tarmak_iam.config.ignored_content.suggest_key", counted(calls, suggest_key))
    text = HEAD + "".join(f"clutsers{number}: 1\n" for number in range(300))
    assert len(check(Subjects(TarmakConfig.parse(text)))) >= 300
    assert len(calls) == 200
    calls.clear()
    config = TarmakConfig.parse(text)
    check_edit(config, config, [Route.of(("kind",))])
    assert len(calls) == 200


def test_a_finding_is_compared_with_those_that_can_be_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    """No template is unsupported here, which could be the cause of what is found in the usernames."""
    calls: list[str] = []
    monkeypatch.setattr(Implication, "is_cause", counted(calls, Implication.is_cause))
    entry = "  - {rolearn: arn:aws:iam::111122223333:role/R%d, username: 'a{{b}}'}\n"
    text = "clusterID: dev-cluster\nserver:\n  mapRoles:\n" + "".join(entry % number for number in range(300))
    assert len(check(Subjects(mappings=Mappings.parse(text)))) >= 300
    assert len(calls) <= 300


def test_an_edit_looks_up_the_hub_and_the_sections_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAD + "clusters:\n" + "".join(f"- metadata: {{name: c{n}}}\n  environment: dev\n" for n in range(300))
    config = TarmakConfig.parse(text)
    names: list[str] = []
    sections: list[str] = []
    monkeypatch.setattr("tarmak_iam.config.cluster.metadata_name", counted(names, metadata_name))
    monkeypatch.setattr("tarmak_iam.config.edit_checks.load_sections", counted(sections, load_sections))
    check_edit(config, config, [Route.of(("kind",))])
    assert len(names) <= 40 * 300
    assert len(sections) <= 2


def test_clusters_have_a_limit() -> None:
    assert len(TarmakConfig.parse(HEAD + "clusters:\n" + "- {}\n" * 5000).clusters) == 5000
    with pytest.raises(ConfigError) as caught:
        TarmakConfig.parse(HEAD + "clusters:\n" + "- {}\n" * 5001, "tarmak.yaml")
    what = "the file has more than 5,000 clusters, which is the limit"
    assert str(caught.value) == f"tarmak.yaml:5004:3: {what}; divide it into several files"


def test_an_edit_of_a_file_with_very_many_findings_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tarmak_iam.config.edit_checks._MOST_FLAWS", 3)
    text = HEAD + "".join(f"unknown{number}: 1\n" for number in range(3))
    config = TarmakConfig.parse(text)
    check_edit(config, config, [Route.of(("kind",))])
    config = TarmakConfig.parse(text + "unknown3: 1\n", "tarmak.yaml")
    with pytest.raises(ConfigError) as caught:
        check_edit(config, config, [Route.of(("kind",))])
    what = "the file has more than 3 findings, which is the limit for edits"
    assert str(caught.value).startswith(f"tarmak.yaml:3:11: {what}; fix them first: ")


def test_mappings_have_a_limit() -> None:
    text = "clusterID: dev-cluster\nserver:\n  mapAccounts:\n" + "  - '111122223333'\n" * 11_999 + "  mapRoles: [{}]\n"
    assert len(Mappings.parse(text).entries) == 12_000
    with pytest.raises(ConfigError) as caught:
        Mappings.parse(f"{text}  mapUsers: [{{}}]\n")
    assert caught.value.what == "the file has more than 12,000 mappings, which is the limit"


def test_what_does_not_fit_into_a_configmap() -> None:
    limit = 1024 * 1024
    text = "clusterID: dev-cluster\nserver:\n  mapRoles:\n" + ADMIN
    fits = text + "#" * (limit - len(text) - 1) + "\n"
    assert places(fits) == []
    what = "the mappings are 1,048,577 bytes, but a ConfigMap holds at most 1,048,576"
    text = only(fits + "#")
    assert text.startswith(f"1:1 IAM085 {what}; ")
    assert text.endswith("; map the roles that people assume, not each person")
    assert places((fits + "#").replace("dev-cluster\n", "dev-cluster\r\n", 1)) == ["1:1 IAM085"]


@pytest.mark.thorough
def test_what_does_not_fit_depends_on_the_backends() -> None:
    """Custom resources are objects of their own; aws-auth has the entries in another spelling."""
    head = f"clusterID: dev-cluster\nserver:\n  mapRoles:\n{ADMIN}"
    entry = ADMIN.replace("Admin", "Other").replace("system:masters", "dev")
    text = head + entry.replace("admin", "x" * 1024 * 1024)
    assert places(text, backends=["CRD"]) == []
    for backends in (["MountedFile"], ["EKSConfigMap"]):
        assert places(text, backends=backends) == ["1:1 IAM085"]
    text = head + entry.replace("admin", f"""'{'"' * 600 * 1024}'""")
    assert places(text) == []
    assert places(text, backends=["EKSConfigMap"]) == ["1:1 IAM085"]
