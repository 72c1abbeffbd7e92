"""Emitters of other distributions: what they may bring, and how they are told of what they may not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from tarmak_iam.emit import EMITTERS, Artifact, Emitter, load_emitters, manifests, render
from tarmak_iam.emit.emitters import GROUP
from tarmak_iam.emit.emitters import objects as emitted
from tarmak_iam.emit.kustomization import object_files
from tarmak_iam.errors import ConfigError
from tests.support import bring_plugins
from tests.support.installations import installation

Bring = Callable[..., None]


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch) -> Bring:
    return lambda *emitters: bring_plugins(monkeypatch, GROUP, *emitters)


def thing(kind: str, name: str, api: str = "v1", namespace: str | None = None, **more: Any) -> dict[str, Any]:
    metadata = {"name": name} | ({} if namespace is None else {"namespace": namespace})
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **more}


def objects(name: str, *made: Any) -> Emitter:
    return Emitter(name, objects=lambda _: made)


def files(name: str, *made: Any) -> Emitter:
    return Emitter(name, files=lambda _: made)


def names(of: list[Artifact]) -> list[str]:
    return [each.name for each in of]


def test_objects_come_in_apply_order_and_each_in_a_file(bring: Bring) -> None:
    bring(
        objects("late", thing("NetworkPolicy", "iam", "networking.k8s.io/v1", "kube-system")),
        objects("early", thing("Namespace", "team"), thing("ConfigMap", "more", namespace="team")),
        files("notes", Artifact("NOTES", b"read me\n"), Artifact("token", b"x", 0o600)),
    )
    kinds = ["Namespace", "ConfigMap", "ConfigMap", "NetworkPolicy", "DaemonSet"]
    assert [each["kind"] for each in manifests(installation())] == kinds
    artifacts, left_out = render(installation())
    own = ["namespace-team.yaml", "configmap.yaml", "configmap-more.yaml", "networkpolicy-iam.yaml", "daemonset.yaml"]
    assert names(artifacts) == ["flags.txt", "kubeconfig", "NOTES", "token", *own, "kustomization.yaml"]
    assert artifacts[3].mode == 0o600
    assert artifacts[-1].data.decode().splitlines()[-5:] == [f"- {name}" for name in own]
    assert left_out == []


def test_an_emitter_that_is_left_out_makes_no_object(bring: Bring) -> None:
    bring(Emitter("off", objects=lambda _: (thing("Secret", "s"),), missing=lambda _: ConfigError("no key")))
    artifacts, left_out = render(installation())
    assert "secret-s.yaml" not in names(artifacts)
    assert "Secret" not in [each["kind"] for each in manifests(installation())]
    assert [name for name, _ in emitted(installation(admin=None))[1]] == ["off"]
    assert [(name, str(error)) for name, error in left_out] == [("off", "no key")]


ROLE = thing("ClusterRole", "a:b", "rbac.authorization.k8s.io/v1")


@pytest.mark.parametrize(
    ("emitters", "message"),
    [
        (["text"], "the entry point emitter0 of package0 is no Emitter"),
        ([Emitter("daemonset")], "the emitter daemonset is brought by tarmak-iam and by package0"),
        ([Emitter("x"), Emitter("x")], "the emitter x is brought by package0 and by package1"),
        (
            [objects("x", thing("DaemonSet", "aws-iam-authenticator", "apps/v1beta2", "kube-system"))],
            (
                "the object DaemonSet.apps kube-system/aws-iam-authenticator is made by the emitter daemonset of "
                "tarmak-iam and by the emitter x of package0; remove one of them"
            ),
        ),
        (
            [objects("x", ROLE, ROLE)],
            "the object ClusterRole.rbac.authorization.k8s.io a:b is made twice by the emitter x of package0",
        ),
        (
            [files("x", Artifact("Flags.TXT", b""))],
            "the file Flags.TXT is made by the emitter flags of tarmak-iam and by the emitter x of package0",
        ),
        (
            [files("x", Artifact("configmap.yaml", b""))],
            "the file configmap.yaml is made by the emitter x of package0 and by the emitter configmap of tarmak-iam",
        ),
    ],
)
def test_emitters_that_exclude_each_other(bring: Bring, emitters: list[Any], message: str) -> None:
    bring(*emitters)
    with pytest.raises(ConfigError) as error:
        render(installation())
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "/etc/passwd",
        "a\nb",
        "a\0b",
        "a b",
        "-rf",
        ".hidden",
        ".tarmak-iam-render",
        "é",
        "x" * 201,
        "kustomization.yaml",
        "Kustomization",
        "KUSTOMIZATION.YML",
        5,
    ],
)
def test_file_names_that_are_no_plain_names(bring: Bring, name: Any) -> None:
    bring(files("x", Artifact(name, b"")))
    with pytest.raises(ConfigError) as error:
        render(installation())
    assert str(error.value) == (
        f"the emitter x of package0 gives a file called {name!r}, which is no plain name for a file of its own; "
        "report it to the authors of the plugin that brings it"
    ).replace("\n", " ")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("text", "gives a str where an Artifact belongs"),
        (Artifact("x", "text"), "gives the file x with a str where bytes belong"),  # type: ignore[arg-type]  # the point
        (Artifact("x", b"", 0o400), "gives the file x with the mode 0o400, where one like 0o644 belongs"),
        (Artifact("x", b"", 0o4755), "gives the file x with the mode 0o4755, where one like 0o644 belongs"),
    ],
)
def test_files_that_are_none(bring: Bring, made: Any, message: str) -> None:
    bring(files("x", made))
    with pytest.raises(ConfigError, match=f"the emitter x of package0 {message}"):
        render(installation())


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("text", "a str where a Kubernetes object belongs"),
        (None, "a NoneType where a Kubernetes object belongs"),
        ({}, "an object without apiVersion"),
        ({"apiVersion": "v1"}, "an object without kind"),
        ({"apiVersion": "v1", "kind": "Secret"}, "an object without metadata.name"),
        ({"apiVersion": "v1", "kind": "Secret", "metadata": "x"}, "an object without metadata.name"),
        (thing("Secret", "", "v1"), "an object whose metadata.name is ''"),
        (thing("Secret", "../x", "v1"), "an object whose metadata.name is '../x'"),
        (thing("Secret", "x", "one"), "an object whose apiVersion is 'one'"),
        (thing("../Secret", "x"), "an object whose kind is '../Secret'"),
        (thing("Secret", "x", namespace="a b"), "an object whose metadata.namespace is 'a b'"),
        (thing("Secret", 5), "an object whose metadata.name is 5"),  # type: ignore[arg-type]  # the point
        (thing("List", "x", items=[]), "a List where a Kubernetes object belongs: give its items"),
        (thing("Secret", "x", data={1: "x"}), "an object with the key 1, which is no text"),
        (thing("Secret", "x", data=[float("nan")]), "an object with the number nan, which JSON does not have"),
        (thing("Secret", "x", data={"x": {1, 2}}), "a set cannot be written as YAML"),
        (thing("Secret", "x", data={"x": "\udcff"}), "a text with half a surrogate pair cannot be written"),
        (thing("Secret", "x", data=LOOP), "values nested deeper than"),
    ],
)
def test_objects_that_are_none(bring: Bring, made: Any, message: str) -> None:
    bring(objects("x", made))
    for function in (manifests, render):
        with pytest.raises(ConfigError) as error:
            function(installation())
        assert str(error.value).startswith(f"the emitter x of package0 gives {message}")


def failing(_: object) -> Any:
    raise KeyError("surprise")


def leaving(_: object) -> Any:
    sys.exit(0)


def refusing(_: object) -> Any:
    raise ConfigError("there is no zone", remedy="set one")


@pytest.mark.parametrize("part", ["files", "objects", "missing"])
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (failing, "the emitter x of package0 has a bug: KeyError: 'surprise'; report it to the authors of the plugin"),
        (leaving, "the emitter x of package0 has a bug: SystemExit: 0; report it to the authors"),
        (refusing, "there is no zone; set one"),
        (lambda: (), "the emitter x of package0 has a bug: TypeError: "),
    ],
)
def test_a_plugin_that_fails_is_told_as_such(bring: Bring, part: str, function: Any, message: str) -> None:
    bring(Emitter("x", **{part: function}))
    with pytest.raises(ConfigError) as error:
        render(installation())
    assert str(error.value).startswith(message)


def test_a_reason_that_is_none(bring: Bring) -> None:
    bring(Emitter("x", missing=lambda _: "no"))  # type: ignore[arg-type, return-value]  # the point
    with pytest.raises(ConfigError, match="x of package0 gives a str as the reason to be left out, not a ConfigError"):
        render(installation())


def test_what_is_built_in_is_no_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug of our own is not somebody else's."""
    monkeypatch.setattr("tarmak_iam.emit.emitters.EMITTERS", (Emitter("own", files=failing),))
    with pytest.raises(KeyError):
        render(installation())


def test_the_built_in_ones_come_first(bring: Bring) -> None:
    bring(Emitter("a"))
    assert load_emitters()[:-1] == EMITTERS
    assert load_emitters()[-1].name == "a"


def test_names_of_files_do_not_collide_and_do_not_depend_on_the_order() -> None:
    rbac = "rbac.authorization.k8s.io/v1"
    made = [
        thing("ClusterRole", "a:b", rbac),
        thing("ClusterRole", "a-b", rbac),
        thing("ClusterRole", "A-B", rbac),
        thing("ClusterRole", "system:node", rbac),
        thing("ConfigMap", "x", namespace="one"),
        thing("ConfigMap", "x", namespace="two"),
        thing("Kustomization", "aws-iam-authenticator", "kustomize.toolkit.fluxcd.io/v1", "flux"),
        thing("ConfigMap", "n" * 253),
        thing("ConfigMap", "n" * 252),
        thing("ConfigMap", "aws-iam-authenticator", namespace="kube-system"),
    ]
    found = object_files(made)
    assert found[3:4] == ["clusterrole-system-node.yaml"]
    assert found[-1] == "configmap.yaml"
    assert len({name.lower() for name in found}) == len(found)
    assert all(len(name) < 200 for name in found)
    assert "kustomization.yaml" not in found
    assert object_files(made[::-1]) == found[::-1]
