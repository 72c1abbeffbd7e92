"""The backend CRD on a real cluster: definitions that come, go and come back, many objects, and `kubectl apply -k`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import ADMIN, Stage
from tests.e2e.processes import wait_until

DEFINITION = "iamidentitymappings.iamauthenticator.k8s.aws"
RENDERED = f"customresourcedefinition-{DEFINITION}.yaml"
APPLY = ("apply", "--no-check", "--no-wait", "--backend", "CRD")
DIFF = ("diff", "--backend", "CRD")


@pytest.fixture(autouse=True)
def _nothing_left(stage: Stage) -> Iterator[None]:
    yield
    stage.clear_all()


def many(count: int) -> str:
    entries = (
        f'  - {{roleARN: "arn:aws:iam::111122223333:role/R{number:04}", username: u{number}, groups: [dev]}}\n'
        for number in range(count)
    )
    return ADMIN + "".join(entries)


def mapping_names(stage: Stage) -> list[str]:
    return stage.kubectl("get", DEFINITION, "-o", "name").out.split()


@pytest.mark.thorough
def test_a_definition_that_comes_back_is_found_at_once(stage: Stage, tmp_path: Path) -> None:
    """Each command of ours alone finds what is there: kubectl still has what it found out before the definition went,
    in a cache of its own here."""
    would = "would create"
    for command, does in ((DIFF, would), ((*APPLY, "--dry-run=server"), would), (APPLY, "created")):
        more = {"KUBECACHEDIR": str(tmp_path / command[0] / command[-1])}
        stage.live(*APPLY)
        assert stage.live(*DIFF, more=more).out == ""
        stage.kubectl("delete", "crd", DEFINITION)
        done = stage.live(*command, code=int(command is DIFF), more=more)
        assert f"{does} CustomResourceDefinition" in done.out
    assert len(mapping_names(stage)) == 1


@contextmanager
def refusing(stage: Stage, username: str) -> Iterator[None]:
    """As an admission policy of somebody's does, which is in force a moment after it is made."""
    rules = {"apiGroups": ["iamauthenticator.k8s.aws"], "apiVersions": ["*"], "resources": ["iamidentitymappings"]}
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "not-that-one"}}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{**rules, "operations": ["CREATE", "UPDATE"]}]},
        "validations": [{"expression": f"object.spec.username != '{username}'", "message": "not that one"}],
    }
    binding = {"policyName": "not-that-one", "validationActions": ["Deny"]}
    probe = {
        "apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
        "kind": "IAMIdentityMapping",
        "metadata": {"name": "probe"},
        "spec": {"arn": "arn:aws:iam::111122223333:role/Probe", "username": username},
    }
    stage.apply(
        {**kind, "kind": "ValidatingAdmissionPolicy", "spec": policy},
        {**kind, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding},
    )
    try:
        create = ("create", "--dry-run=server", "-f", "-")
        wait_until(lambda: "not that one" in stage.plane.kubectl(*create, text=json.dumps(probe)).err)
        yield
    finally:
        kinds = "validatingadmissionpolicies,validatingadmissionpolicybindings"
        stage.kubectl("delete", kinds, "not-that-one")


def test_many_mappings(stage: Stage) -> None:
    stage.live(*APPLY)
    stage.home.map(many(119))
    with refusing(stage, "u77"):
        refused = stage.live(*APPLY, code=2)
    assert "IAMIdentityMapping role-r0077-111122223333 cannot be applied" in refused.err
    assert "not that one" in refused.err
    assert len(mapping_names(stage)) == 1

    done = stage.live(*APPLY)
    assert done.out.count("created IAMIdentityMapping") == 119
    for count in (99, 20):  # the first hundred have one that is unchanged
        assert f"applying {count} objects of kind IAMIdentityMapping\n" in done.err
    assert len(mapping_names(stage)) == 120
    again = json.loads(stage.live(*APPLY, "-o", "json").out)
    assert again["changed"] is False
    stage.home.map(many(118))
    with stage.plane.rolling_out("aws-iam-authenticator"):
        assert stage.live("apply", "--no-check", "--backend", "CRD").out.count("removed IAMIdentityMapping") == 1
    assert len(mapping_names(stage)) == 119
    stage.live("rollback", "--no-wait")
    assert len(mapping_names(stage)) == 120
    done = stage.live("rollback", "--no-wait", "--to", "0")
    assert done.out.count("removed IAMIdentityMapping") == 120
    # The definition goes last, and whatever would still wait for it would be here.
    assert stage.kubectl("get", "crd", "-o", "name").out == ""


def test_the_rendered_directory(stage: Stage, tmp_path: Path) -> None:
    """As docs/render.md says: the definition, then the directory. A second time nothing is another one, and `apply`
    makes the same of it."""
    out = tmp_path / "out"
    stage.home.run("render", "--output-dir", out, "--backend", "CRD")
    refused = stage.kubectl("apply", "-k", out, code=1, KUBECACHEDIR=str(tmp_path / "cache"))
    assert 'no matches for kind "IAMIdentityMapping"' in refused.err
    stage.kubectl("apply", "-f", out / RENDERED)
    stage.kubectl("wait", "--for=condition=Established", f"crd/{DEFINITION}")
    for _ in range(2):
        done = stage.kubectl("apply", "-k", out)
        assert len(mapping_names(stage)) == 1
    assert {line.rpartition(" ")[2] for line in done.out.splitlines()} == {"unchanged"}
    stage.clear_all()

    stage.kubectl("apply", "--server-side", "-f", out / RENDERED)
    stage.kubectl("wait", "--for=condition=Established", f"crd/{DEFINITION}")
    stage.kubectl("apply", "--server-side", "-k", out)
    assert len(mapping_names(stage)) == 1
    stage.live(*APPLY)
    again = stage.kubectl("apply", "--server-side", "-k", out).out
    assert {line.rpartition(" ")[2] for line in again.splitlines()} == {"serverside-applied"}
    assert stage.live(*DIFF).out == ""
    assert json.loads(stage.live(*APPLY, "-o", "json").out)["changed"] is False


@pytest.mark.thorough
def test_more_mappings_than_an_annotation_holds(stage: Stage) -> None:
    """`manifests | kubectl apply -f -` fails; what the pages name in its place does not."""
    group = "g" * 2000
    stage.home.map(many(150).replace("groups: [dev]", f"groups: [{group}]"))
    text = stage.home.run("manifests")
    done = stage.kubectl("apply", "-f", "-", text=text, code=1)
    assert "metadata.annotations: Too long" in done.err
    stage.kubectl("apply", "--server-side", "-f", "-", text=text)
    assert stage.live("diff").out == ""
    stage.live("apply", "--no-check", "--no-wait")
