"""Edits of any key from Python: what is written, what is refused with its reason, and what stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tarmak_iam import ConfigError, EditRefused, SelectionError, TarmakConfig, TarmakIamError
from tarmak_iam.config import ConfigEdits
from tests.support import EXAMPLES
from tests.support.tables import Steps, cases, with_steps

FILE = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-one
clusters:
- environment: dev
  metadata:
    name: one
  kubernetes:
    version: 1.12.9  # as the image
    apiServer:
      public: yes
      # offices
      allowCIDRs:
      - 10.0.0.0/8  # ours
      - 192.0.2.0/24
"""
CIDRS = "kubernetes.apiServer.allowCIDRs"
POOL = {
    "type": "worker",
    "metadata": {"name": "gpu"},
    "size": "large",
    "minCount": 1,
    "maxCount": 2,
    "subnets": [{"zone": "eu-central-1a"}],
    "volumes": [{"metadata": {"name": "root"}, "size": "16Gi", "type": "ssd"}],
}


def one(**options: bool) -> ConfigEdits:
    return TarmakConfig.parse(FILE).edit("dev-one", **options)


def blue(**options: bool) -> ConfigEdits:
    return TarmakConfig.load(EXAMPLES / "multi").edit("prod-blue", **options)


def lines(edits: ConfigEdits) -> list[str]:
    """The changed lines of the diff."""
    return [line for line in edits.diff().splitlines()[2:] if line[0] in "+-"]


@cases("config/cases/config_edits")
def test_what_is_written(edit: Steps, changed: list[str]) -> None:
    edits = with_steps(one(), edit)
    assert lines(edits) == changed
    after = edits.apply()
    assert (after is edits.config) == (not changed)
    again = with_steps(after.edit("dev-one"), edit)
    if all(each.path.text != f"{CIDRS}[192.0.2.0/24]" and "[1]" not in each.path.text for each in edits.edits):
        assert again.apply() is after


def test_nothing_changes_before_apply() -> None:
    edits = one()
    more = edits.set("kubernetes.version", "1.13.1")
    assert edits.edits == ()
    assert more.config.document.text == FILE
    assert edits.apply() is edits.config
    assert edits.diff() == ""


def test_items_of_lists_by_their_names() -> None:
    assert lines(blue().append("instancePools", POOL)) == [
        (
            "+          - {type: worker, metadata: {name: gpu}, size: large, minCount: 1, maxCount: 2, "
            "subnets: [{zone: eu-central-1a}], volumes: [{metadata: {name: root}, size: 16Gi, type: ssd}]}"
        )
    ]
    added = blue().append("instancePools", POOL).apply().edit("prod-blue")
    assert added.unset("instancePools[gpu]").apply().document.text == blue().config.document.text
    grown = added.patch({"instancePools": [{"metadata": {"name": "gpu"}, "maxCount": 5}]}).apply()
    assert grown.get("clusters[prod-blue].instancePools[gpu].maxCount") == 5
    assert grown.get("clusters[prod-blue].instancePools[worker].maxCount") == 9
    whole = added.set("instancePools[gpu]", {**POOL, "maxCount": 7}).apply()
    assert whole.get("clusters[prod-blue].instancePools[-1].maxCount") == 7


def test_a_patch_adds_items_with_a_new_name() -> None:
    patched = blue().config.patch({"instancePools": [{**POOL, "image": None}]}, "prod-blue")
    assert patched.get("/clusters[prod-blue].instancePools[gpu]") == POOL


def test_a_patch_of_the_whole_file_finds_clusters_by_environment_and_name() -> None:
    mapping = {
        "clusters": [{"environment": "prod", "metadata": {"name": "green"}, "kubernetes": {"version": "1.15.3"}}]
    }
    before = blue().config
    after = before.patch(mapping)
    assert after.cluster("prod-green").kubernetes_version == "1.15.3"
    assert len(after.clusters) == len(before.clusters)
    assert after.patch(mapping) is after


def test_several_clusters_are_one_edit() -> None:
    config = blue().config
    edits = config.edit()
    for name in ("prod-blue", "prod-green"):
        edits = edits.on(name).set("kubernetes.version", "1.14.0")
    assert lines(edits) == [
        "-          version: 1.12.9",
        "+          version: 1.14.0",
        "-          version: 1.15.2      # trial",
        "+          version: 1.14.0      # trial",
    ]


@cases("config/cases/config_edits")
def test_what_is_refused_with_its_reason(edit: Steps, message: str) -> None:
    edits = blue()
    file = edits.config.document.filename
    with pytest.raises(TarmakIamError) as refused:
        with_steps(edits, edit).apply()
    assert str(refused.value) == f"{file}:{message}".replace("{file}", file)
    assert isinstance(refused.value, (ConfigError, SelectionError))


def test_what_was_wrong_before_does_not_stop_an_edit() -> None:
    text = FILE.replace("192.0.2.0/24", "192.0.2.0").replace("public: yes", "public: yes\n      publik: 1")
    edits = TarmakConfig.parse(text).edit("dev-one")
    assert lines(edits.set("kubernetes.zone", "z")) == ["+    zone: z"]
    assert lines(edits.unset(f"{CIDRS}[10.0.0.0/8]")) == ["-      - 10.0.0.0/8  # ours"]
    assert lines(edits.unset("kubernetes.apiServer.publik")) == ["-      publik: 1"]
    with pytest.raises(ConfigError, match=r"'192\.0\.3\.0' is not a valid CIDR"):
        edits.set(f"{CIDRS}[192.0.2.0]", "192.0.3.0").apply()
    with pytest.raises(ConfigError, match=r"Tarmak does not know kubernetes\.apiServer\.publik, and would ignore it"):
        edits.set("kubernetes.apiServer.publik", 2).apply()


def test_force_writes_keys_that_tarmak_does_not_know_and_nothing_else() -> None:
    edits = one(force=True)
    assert lines(edits.set("kubernetes.note.a", [1])) == ["+    note:", "+      a: [1]"] or lines(
        edits.set("kubernetes.note.a", [1])
    ) == ["+    note:", "+      a:", "+      - 1"]
    assert edits.patch({"kubernetes": {"note": 1}}).apply().data == edits.config.data
    misspelt = TarmakConfig.parse(FILE.replace("kubernetes:", "kubernets:"))
    assert lines(misspelt.edit("dev-one", force=True).set("kubernetes.zone", "z")) == ["+  kubernetes:", "+    zone: z"]
    with pytest.raises(EditRefused, match="Tarmak ignores 'kubernets'"):
        misspelt.edit("dev-one").set("kubernetes.zone", "z").apply()
    with pytest.raises(ConfigError, match="must be a boolean"):
        edits.set("kubernetes.apiServer.public", "x").apply()
    with pytest.raises(ConfigError, match="is not a valid CIDR"):
        edits.append(CIDRS, "x").apply()


@pytest.mark.parametrize("path", [5, None, b"kubernetes.version", ["kubernetes"], True])
def test_a_path_of_another_type(path: Any) -> None:
    config = TarmakConfig.parse(FILE)
    cluster, edits = config.cluster("dev-one"), config.edit("dev-one")
    uses: tuple[Callable[[], object], ...] = (
        lambda: cluster.get(path),
        lambda: config.get(path),
        lambda: edits.set(path, 1),
        lambda: edits.append(path, 1),
        lambda: edits.unset(path),
        lambda: edits.set(path, "1", is_text=True),
        lambda: edits.append(path, "1", is_text=True),
    )
    for use in uses:
        with pytest.raises(TypeError) as refused:
            use()
        assert str(refused.value) == f"a path must be a string, as in 'kubernetes.version', not {path!r}"


def test_arguments_of_another_type() -> None:
    config: Any = TarmakConfig.parse(FILE)
    uses: tuple[Callable[[], object], ...] = (
        lambda: config.patch(5),
        lambda: config.edit().patch([{"kubernetes": {}}]),
        lambda: config.edit("dev-one").set("kubernetes.version", 5, is_text=True),
        lambda: config.edit("dev-one").append(CIDRS, None, is_text=True),
        lambda: config.cluster(5),
        lambda: config.edit(5),
        lambda: config.patch({}, cluster=b"dev-one"),
        lambda: config.edit().patch({}, 5),
    )
    for wrong in uses:
        with pytest.raises(TypeError, match=" must be "):
            wrong()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"a", "a value of type bytes cannot be written as YAML; use mappings, lists and scalars"),
        ([1, {2}], "a value of type set cannot be written as YAML; use mappings, lists and scalars"),
        ({(1, 2): 3}, "a mapping or list cannot be a key; use a scalar as the key"),
    ],
)
def test_values_that_yaml_has_no_form_for(value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        one().set("x-n", value).apply()
    assert str(refused.value) == f"tarmak.yaml:5:3: x-n: {message}"
    if isinstance(value, dict):
        with pytest.raises(ConfigError) as refused:
            one().patch(value).apply()
        assert str(refused.value) == f"tarmak.yaml:5:3: {message}"
