"""Edits of any key from Python: what is written, what is refused with its reason, and what stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tarmak_iam import ConfigError, SelectionError, TarmakConfig, TarmakIamError
from tarmak_iam.config import ConfigEdits
from tests.support import EXAMPLES

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

Edit = Callable[[ConfigEdits], ConfigEdits]


def one(**options: bool) -> ConfigEdits:
    return TarmakConfig.parse(FILE).edit("dev-one", **options)


def blue(**options: bool) -> ConfigEdits:
    return TarmakConfig.load(EXAMPLES / "multi").edit("prod-blue", **options)


def lines(edits: ConfigEdits) -> list[str]:
    """The changed lines of the diff."""
    return [line for line in edits.diff().splitlines()[2:] if line[0] in "+-"]


@pytest.mark.parametrize(
    ("edit", "changed"),
    [
        (
            lambda edits: edits.set("kubernetes.version", "1.13.1"),
            ["-    version: 1.12.9  # as the image", "+    version: 1.13.1  # as the image"],
        ),
        (
            lambda edits: edits.set("kubernetes.calico.typhaReplicas", 3.0),
            ["+    calico:", "+      typhaReplicas: 3"],
        ),
        (lambda edits: edits.set_text("kubernetes.zone", "no"), ['+    zone: "no"']),
        (
            lambda edits: edits.set(f"{CIDRS}[192.0.2.0/24]", "198.51.100.0/24"),
            ["-      - 192.0.2.0/24", "+      - 198.51.100.0/24"],
        ),
        (lambda edits: edits.append(CIDRS, "198.51.100.0/24"), ["+      - 198.51.100.0/24"]),
        (lambda edits: edits.append(CIDRS, "10.0.0.0/8"), []),
        (
            lambda edits: edits.append_text("kubernetes.apiServer.oidc.signingAlgs", "RS256"),
            ["+      oidc:", "+        signingAlgs:", "+        - RS256"],
        ),
        (lambda edits: edits.unset(f"{CIDRS}[10.0.0.0/8]"), ["-      - 10.0.0.0/8  # ours"]),
        (
            lambda edits: edits.unset(CIDRS),
            ["-      # offices", "-      allowCIDRs:", "-      - 10.0.0.0/8  # ours", "-      - 192.0.2.0/24"],
        ),
        (lambda edits: edits.unset("kubernetes.zone"), []),
        (lambda edits: edits.unset(f"{CIDRS}[10.9.0.0/16]"), []),
        (lambda edits: edits.set("/contact", "a@example.com"), ["+contact: a@example.com"]),
        (lambda edits: edits.set("/clusters[dev-one].kubernetes.zone", "z"), ["+    zone: z"]),
        # an item is the one that the path means in the file before all edits
        (
            lambda edits: edits.unset(f"{CIDRS}[0]").set(f"{CIDRS}[1]", "198.51.100.0/24"),
            ["-      - 10.0.0.0/8  # ours", "-      - 192.0.2.0/24", "+      - 198.51.100.0/24"],
        ),
        (
            lambda edits: edits.append(CIDRS, "198.51.100.0/24").append(CIDRS, "198.51.100.0/24"),
            ["+      - 198.51.100.0/24"],
        ),
        # a patch
        (
            lambda edits: edits.patch(
                {"kubernetes": {"version": "1.12.9", "zone": "z", "apiServer": {"allowCIDRs": None}}}
            ),
            [
                "-      # offices",
                "-      allowCIDRs:",
                "-      - 10.0.0.0/8  # ours",
                "-      - 192.0.2.0/24",
                "+    zone: z",
            ],
        ),
        (lambda edits: edits.patch({"allowCIDRs": ["10.0.0.0/8"]}, "kubernetes.apiServer"), ["-      - 192.0.2.0/24"]),
        (lambda edits: edits.patch({"kubernetes": {"dashboard": None, "tiller": {"image": None}}}), []),
    ],
)
def test_what_is_written(edit: Edit, changed: list[str]) -> None:
    edits = edit(one())
    assert lines(edits) == changed
    after = edits.apply()
    assert (after is edits.config) == (not changed)
    again = edit(after.edit("dev-one"))
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


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda edits: edits.set("kubernetes.version", 1.13),
            (
                "27:20: kubernetes.version must be a string, not the number 1.13; "
                'Tarmak rejects the whole file; put it in quotes: "1.13"'
            ),
        ),
        (
            lambda edits: edits.set("kubernetes.version", None),
            "27:20: kubernetes.version requires a value; to remove it, unset kubernetes.version",
        ),
        (
            lambda edits: edits.set("kubernetes.version", "1.14"),
            (
                "27:20: the edit was refused: Kubernetes '1.14' is not a release number: Puppet would download v1.14; "
                "write a release with three numbers, as in 1.12.9"
            ),
        ),
        (
            lambda edits: edits.set("kubernetes.version", "latest"),
            "27:20: the edit was refused: 'latest' is not a valid version; write a version such as 1.12.9",
        ),
        (
            lambda edits: edits.append(CIDRS, "10.0.0.0"),
            (
                "29:15: the edit was refused: '10.0.0.0' is not a valid CIDR; "
                "write an address with its mask, as in 10.0.0.0/8"
            ),
        ),
        (
            lambda edits: edits.set("instancePools[worker].minCount", 10),
            (
                "41:77: the edit was refused: pool worker: minCount 10 is larger than maxCount 9; "
                "raise maxCount or lower minCount"
            ),
        ),
        (
            lambda edits: edits.set("instancePools[worker].minCount", 0),
            (
                "41:77: the edit was refused: pool worker: minCount is 0, so Tarmak uses maxCount 9 for both; "
                "remove minCount, or set it to 1 or more so that the pool scales"
            ),
        ),
        (
            lambda edits: edits.set("instancePools[worker].size", "hugee"),
            (
                "41:60: the edit was refused: pool 'worker': 'hugee' is not an EC2 instance type; "
                "write tiny, small, medium, large or a type such as m5.xlarge"
            ),
        ),
        (
            lambda edits: edits.unset("instancePools[worker]"),
            "39:11: the edit was refused: a cluster of type cluster-multi requires pools of type worker; add them",
        ),
        (
            lambda edits: edits.append("instancePools", {**POOL, "volumes": []}),
            (
                "39:11: the edit was refused: pool gpu: no volume is named root; "
                "add {metadata: {name: root}, size: 16Gi, type: ssd}"
            ),
        ),
        (
            lambda edits: edits.append("instancePools", {"metadata": {"name": "worker"}, "type": "worker"}),
            (
                "41:13: instancePools has an item 'worker' already, with other values; "
                "set the keys of instancePools[worker], or use patch"
            ),
        ),
        (
            lambda edits: edits.append("instancePools", {**POOL, "maxcount": 3}),
            (
                "39:11: the edit was refused: Tarmak does not know the key 'maxcount' in "
                "clusters[].instancePools[]; maxCount is already set: keep one of them"
            ),
        ),
        (
            lambda edits: edits.set("instancePools[worker]", {**POOL, "labels": [{"key": "a b"}]}),
            "41:13: the value is named 'gpu', not 'worker'; set its metadata.name or identifier or type to worker",
        ),
        (
            lambda edits: edits.set("instancePools[worker].labels", [{"key": "a b"}]),
            "41:13: the edit was refused: 'a b' is not a valid label key; write it as in team or example.com/team",
        ),
        (
            lambda edits: edits.set("/currentCluster", "prod-gren"),
            (
                "5:17: the edit was refused: currentCluster is 'prod-gren', but this cluster does not exist; "
                "did you mean prod-green?"
            ),
        ),
        (
            lambda edits: edits.set("/environments[prod].provider", "aw"),
            (
                "64:17: the edit was refused: the provider 'aw' does not exist: every Tarmak command for "
                "this environment fails; "
                "did you mean aws?"
            ),
        ),
        (
            lambda edits: edits.set("/environments[prod].adminCIDRs", []),
            (
                "61:7: the edit was refused: adminCIDRs is empty: when Tarmak rewrites the file, it "
                "removes the list and uses "
                "0.0.0.0/0 instead; list at least one address, as in 192.0.2.1/32"
            ),
        ),
        (
            lambda edits: edits.set("location", "eu-west-1"),
            (
                "25:17: the edit was refused: Tarmak ignores the location 'eu-west-1' of cluster "
                "prod-blue, and uses the one of "
                "environment 'prod'; remove it: the cluster is in eu-central-1; "
                "the region is the location of environment 'prod'"
            ),
        ),
        (
            lambda edits: edits.set("kubernetes.apiServer.amazon.publicELBAccessLogs.interval", 7),
            (
                "34:33: publicELBAccessLogs.interval must be 5 or 60, not 7; "
                "the key's description: Minutes between two log files: 5 or 60. Default: 5."
            ),
        ),
        (
            lambda edits: edits.unset("kubernetes.apiServer.amazon.publicELBAccessLogs.bucket").set(
                "kubernetes.apiServer.amazon.publicELBAccessLogs.enabled", True
            ),
            (
                "33:23: the edit was refused: access logs are enabled without a bucket; "
                "set publicELBAccessLogs.bucket, or enabled: false"
            ),
        ),
        (
            lambda edits: edits.on("prod-hub").set("kubernetes.version", "1.13.1"),
            (
                "9:7: prod-hub is a hub: it has no masters, so kubernetes.version would have no effect; "
                "set it on the other clusters of the environment"
            ),
        ),
        (
            lambda edits: edits.on("prod-hub").patch({"kubernetes": {"version": "1.13.1"}}),
            (
                "9:7: prod-hub is a hub: it has no masters, so kubernetes would have no effect; "
                "set it on the other clusters of the environment"
            ),
        ),
        (
            lambda edits: edits.set("/kind", "Cluster"),
            "4:7: the edit was refused: kind is 'Cluster', but Tarmak accepts only 'Config'; write kind: Config",
        ),
        (
            lambda edits: edits.patch({"kubernetes": {"verion": "1.13.1"}}),
            "21:7: Tarmak does not know the key 'verion' in clusters[].kubernetes; did you mean version?",
        ),
        (
            lambda edits: edits.patch({"kubernetes": {"note": 1}}),
            (
                "21:7: Tarmak does not know the key 'note' in clusters[].kubernetes; "
                "if only your fork of Tarmak knows it, use --force (in Python: force=True)"
            ),
        ),
        (
            lambda edits: edits.patch({"instancePools": [{"maxCount": 3}]}),
            "39:11: item 0 of instancePools in the patch has no name; set its metadata.name or identifier or type",
        ),
        (
            lambda edits: edits.set("kubernetes.verison", "1"),
            "27:11: Tarmak does not know the key 'verison' in kubernetes; did you mean kubernetes.version?",
        ),
        (
            lambda edits: edits.set("kubernetes.note", "1"),
            (
                "27:11: Tarmak does not know the key 'note' in kubernetes; "
                "choose one of apiServer, calico, clusterAutoscaler, "
                "controllerManager, dashboard and 14 more; "
                "if only your fork of Tarmak knows it, use --force (in Python: force=True)"
            ),
        ),
        (
            lambda edits: edits.append("kubernetes.version", "x"),
            "27:20: kubernetes.version is a string, not a list; use set for a value that is not a list",
        ),
        (lambda edits: edits.set(".", {}), "21:7: a whole cluster or file cannot be set; set its keys, or use patch"),
        (lambda edits: edits.unset("/"), "3:1: a whole cluster or file cannot be unset; unset its keys"),
        (
            lambda edits: edits.patch({"x": 1}, "kubernetes.version"),
            (
                "27:20: kubernetes.version must be a string, not a YAML mapping; Tarmak rejects the whole file; "
                "write a single string"
            ),
        ),
        (
            lambda edits: edits.unset("instancePools[wroker].size"),
            "39:11: instancePools has no item 'wroker'; did you mean instancePools[worker].size ({file}:41:13)?",
        ),
    ],
)
def test_what_is_refused_with_its_reason(edit: Edit, message: str) -> None:
    edits = blue()
    file = edits.config.document.filename
    with pytest.raises(TarmakIamError) as refused:
        edit(edits).apply()
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
    with pytest.raises(ConfigError, match="must be a boolean"):
        edits.set("kubernetes.apiServer.public", "x").apply()
    with pytest.raises(ConfigError, match="is not a valid CIDR"):
        edits.append(CIDRS, "x").apply()


def test_a_key_for_notes_needs_no_force() -> None:
    assert lines(one().set("kubernetes.x-note", "ours")) == ["+    x-note: ours"]


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
        lambda: edits.set_text(path, "1"),
        lambda: edits.append_text(path, "1"),
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
        lambda: config.edit("dev-one").set_text("kubernetes.version", 5),
        lambda: config.edit("dev-one").append_text(CIDRS, None),
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
