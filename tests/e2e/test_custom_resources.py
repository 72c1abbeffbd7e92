"""The backend CRD on a real cluster: definitions that come, go and come back, many objects, and `kubectl apply -k`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import ADMIN, Stage

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


def test_many_mappings(stage: Stage) -> None:
    stage.home.map(many(249))
    done = stage.live(*APPLY)
    assert done.out.count("created IAMIdentityMapping") == 250
    assert done.err.count("applying 100 objects of kind IAMIdentityMapping") == 2
    assert len(mapping_names(stage)) == 250
    again = json.loads(stage.live(*APPLY, "-o", "json").out)
    assert again["changed"] is False
    stage.home.map(many(248))
    with stage.plane.rolling_out("aws-iam-authenticator"):
        assert stage.live("apply", "--no-check", "--backend", "CRD").out.count("removed IAMIdentityMapping") == 1
    assert len(mapping_names(stage)) == 249
    stage.live("rollback", "--no-wait")
    assert len(mapping_names(stage)) == 250
    done = stage.live("rollback", "--no-wait", "--to", "0")
    assert done.out.count("removed IAMIdentityMapping") == 250
    # The definition goes last, and whatever would still wait for it would be here.
    assert stage.kubectl("get", "crd", "-o", "name").out == ""


def test_one_that_the_api_server_refuses_is_named(stage: Stage) -> None:
    stage.live(*APPLY)
    # As an admission policy of somebody's would.
    rules = {"apiGroups": ["iamauthenticator.k8s.aws"], "apiVersions": ["*"], "resources": ["iamidentitymappings"]}
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "no-77"}}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{**rules, "operations": ["CREATE", "UPDATE"]}]},
        "validations": [{"expression": "object.spec.username != 'u77'", "message": "not that one"}],
    }
    binding = {"policyName": "no-77", "validationActions": ["Deny"]}
    items = [
        {**kind, "kind": "ValidatingAdmissionPolicy", "spec": policy},
        {**kind, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding},
    ]
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    stage.kubectl("apply", "-f", "-", text=listed)
    try:
        _until_refused(stage)
        stage.home.map(many(99))
        refused = stage.live(*APPLY, code=2)
        assert "IAMIdentityMapping role-r0077-111122223333 cannot be applied" in refused.err
        assert "not that one" in refused.err
        assert len(mapping_names(stage)) == 1
    finally:
        kinds = "validatingadmissionpolicies,validatingadmissionpolicybindings"
        stage.kubectl("delete", kinds, "no-77")


def _until_refused(stage: Stage) -> None:
    """A policy is in force a moment after it is made."""
    probe = {
        "apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
        "kind": "IAMIdentityMapping",
        "metadata": {"name": "probe"},
        "spec": {"arn": "arn:aws:iam::111122223333:role/Probe", "username": "u77"},
    }
    for _ in range(60):
        done = stage.plane.kubectl("create", "--dry-run=server", "-f", "-", text=json.dumps(probe))
        if "not that one" in done.err:
            return
    raise AssertionError(done.err)


def rendered(stage: Stage, directory: Path) -> Path:
    stage.home.run("render", "--output-dir", directory, "--backend", "CRD")
    return directory


@pytest.mark.parametrize("side", [(), ("--server-side",)])
def test_the_rendered_directory(stage: Stage, tmp_path: Path, side: tuple[str, ...]) -> None:
    """As docs/render.md says: the definition, then the directory; and a second time nothing is another one."""
    out = rendered(stage, tmp_path / "out")
    stage.kubectl("apply", *side, "-f", out / RENDERED)
    stage.kubectl("wait", "--for=condition=Established", f"crd/{DEFINITION}")
    stage.kubectl("apply", *side, "-k", out)
    assert len(mapping_names(stage)) == 1
    again = stage.kubectl("apply", *side, "-k", out).out
    assert {line.rpartition(" ")[2] for line in again.splitlines()} == {"serverside-applied" if side else "unchanged"}


def test_the_whole_directory_at_once_lacks_the_definition(stage: Stage, tmp_path: Path) -> None:
    """Why docs/render.md has two steps."""
    out = rendered(stage, tmp_path / "out")
    done = stage.kubectl("apply", "-k", out, code=1, KUBECACHEDIR=str(tmp_path / "cache"))
    assert 'no matches for kind "IAMIdentityMapping"' in done.err


def test_the_rendered_directory_and_apply_agree(stage: Stage, tmp_path: Path) -> None:
    stage.live(*APPLY)
    stage.kubectl("apply", "--server-side", "-k", rendered(stage, tmp_path / "out"))
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


@pytest.mark.thorough
def test_what_a_rollback_put_back_goes_with_the_next_apply(stage: Stage) -> None:
    """Else the DaemonSet would keep the name of a service account that is removed, and start no pod."""
    stage.live(*APPLY)
    stage.live("apply", "--no-check", "--no-wait", "--backend", "MountedFile")
    stage.live("rollback", "--no-wait")
    stage.live("apply", "--no-check", "--no-wait", "--backend", "MountedFile")
    daemon = stage.object("daemonset")
    assert daemon["spec"]["template"]["spec"]["serviceAccountName"] == "default"
    assert [each["operation"] for each in daemon["metadata"]["managedFields"] if each["manager"] == "tarmak-iam"] == [
        "Apply"
    ]
