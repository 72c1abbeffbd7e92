"""What an edit may bring: flaws that were there before, and a file that is being written step by step."""

from __future__ import annotations

import pytest

from tarmak_iam import ConfigError, SelectionError, TarmakConfig
from tarmak_iam.config.section_keys import GROUP
from tarmak_iam.config.sections import Section, SectionModel
from tests.support import EXAMPLES, bring_plugins

FILE = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-one
providers:
- metadata: {name: aws}
environments:
- metadata: {name: dev}
  provider: aws
  location: eu-west-1
clusters:
- environment: dev
  metadata: {name: one}
"""


def pool(kind: str) -> dict[str, object]:
    return {
        "type": kind,
        "minCount": 1,
        "maxCount": 1,
        "subnets": [{"zone": "eu-west-1a"}],
        "volumes": [{"metadata": {"name": "root"}, "size": "16Gi", "type": "ssd"}],
    }


def test_pools_may_be_added_one_after_the_other() -> None:
    """The pools that are missing, and what only a complete file has, are no reason to refuse the first of them."""
    config = TarmakConfig.parse(FILE)
    for kind in ("bastion", "vault", "etcd", "master", "worker"):
        config = config.edit("dev-one").append("instancePools", pool(kind)).apply()
    assert [each["type"] for each in config.clusters[0].get("instancePools")] == [
        "bastion",
        "vault",
        "etcd",
        "master",
        "worker",
    ]
    with pytest.raises(ConfigError, match="must have exactly one pool of type etcd, not 2"):
        config.edit("dev-one").append("instancePools", {**pool("etcd"), "metadata": {"name": "b"}}).apply()


def test_a_flaw_of_the_same_kind_is_accepted_only_elsewhere() -> None:
    text = FILE + "  kubernetes: {apiServer: {allowCIDRs: [a, b]}}\n  network: {cidr: c}\n"
    edits = TarmakConfig.parse(text).edit("dev-one")
    assert edits.unset("kubernetes.apiServer.allowCIDRs[a]").apply().document.text.count("allowCIDRs: [b]") == 1
    with pytest.raises(ConfigError, match="'d' is not a valid CIDR"):
        edits.set("kubernetes.apiServer.allowCIDRs[a]", "d").apply()
    with pytest.raises(ConfigError, match="'d' is not a valid CIDR"):
        edits.append("kubernetes.apiServer.allowCIDRs", "d").apply()
    with pytest.raises(ConfigError, match="'d' is not a valid CIDR"):
        edits.set("network.cidr", "d").apply()
    with pytest.raises(ConfigError, match="'a' is not a valid CIDR"):
        edits.set("kubernetes.apiServer.allowCIDRs", ["a", "a"]).apply()


def test_a_flaw_below_a_list_that_has_lost_items_has_the_place_of_the_list() -> None:
    edits = TarmakConfig.load(EXAMPLES / "multi").edit("prod-blue")
    subnets = [{"zone": "eu-central-1a"}, {"zone": "eu-central-1b"}]
    both = edits.set("instancePools[worker].subnets", subnets)
    with pytest.raises(ConfigError) as refused:
        both.apply()
    file = edits.config.document.filename
    assert str(refused.value) == (
        f"{file}:41:102: the edit was refused: the hub has no subnet in zone 'eu-central-1b'; "
        "use eu-central-1a, or add a subnet of the hub there"
    )
    labels = edits.set("instancePools[worker].minCount", 10)
    with pytest.raises(ConfigError, match=r"^[^:]*:41:77: "):
        labels.apply()
    with pytest.raises(ConfigError, match=r"^[^:]*:39:11: the edit was refused: pool worker: minCount 10 is larger"):
        labels.append("instancePools", {**pool("worker"), "metadata": {"name": "b"}, "subnets": subnets[:1]}).apply()


def test_an_empty_list_stays_because_it_has_another_meaning_than_a_missing_one() -> None:
    config = TarmakConfig.parse(FILE + "  amazon:\n    additionalIAMPolicies:\n    - a\n")
    after = config.edit("dev-one").unset("amazon.additionalIAMPolicies[a]").apply()
    assert after.document.text == FILE + "  amazon:\n    additionalIAMPolicies: []\n"
    assert after.edit("dev-one").unset("amazon.additionalIAMPolicies").apply().document.text == FILE


TWINS = (
    FILE + "- environment: prod\n  metadata: {name: one}\n"
    "  instancePools:\n  - {type: worker, minCount: 1}\n  - {type: worker, minCount: 2}\n"
)


def test_an_item_of_a_patch_that_means_several_items() -> None:
    config = TarmakConfig.parse(TWINS)
    with pytest.raises(SelectionError) as refused:
        config.patch({"instancePools": [{"type": "worker", "maxCount": 3}]}, "prod-one")
    assert str(refused.value) == (
        "tarmak.yaml:16:3: item 0 of instancePools in the patch means 2 items: instancePools[0] (tarmak.yaml:16:5), "
        "instancePools[1] (tarmak.yaml:17:5); rename one of them first"
    )


def test_a_cluster_of_a_patch_is_found_by_its_environment_too() -> None:
    config = TarmakConfig.parse(TWINS)
    patched = config.patch({"clusters": [{"environment": "prod", "metadata": {"name": "one"}, "cloudId": "aws"}]})
    assert [cluster.get("cloudId") for cluster in patched.clusters] == [None, "aws"]


class Costs(SectionModel):
    centre: str
    limit: int = 5


def test_the_section_of_a_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    bring_plugins(monkeypatch, GROUP, Section(("costs",), Costs))
    edits = TarmakConfig.parse(FILE).edit("dev-one")
    after = edits.set("costs.centre", "a1").set("costs.limit", "7", is_text=True).apply()
    assert edits.set("costs.centre", "a1").apply().document.text == FILE + "  costs:\n    centre: a1\n"
    assert (after.clusters[0].get("costs.limit"), after.clusters[0].get("costs.limit", effective=True)) == (7, 7)
    with pytest.raises(ConfigError, match=r"the edit was refused: costs\.limit must be a whole number"):
        edits.set("costs.centre", "a1").set("costs.limit", "x").apply()
    with pytest.raises(ConfigError, match=r"costs\.limit must not be 010; write 8, or remove the leading zero"):
        edits.set("costs.limit", "010", is_text=True).apply()
    with pytest.raises(SelectionError, match=r"costs has no key 'limt'; did you mean limit\?"):
        edits.set("costs.limt", 5).apply()
    with pytest.raises(ConfigError, match="the edit was refused: centre is missing"):
        edits.set("costs.limit", 5).apply()


def test_a_removed_cluster_is_not_the_one_that_takes_its_place() -> None:
    """Its type is another one then, so that other pools are missing: but some were missing before."""
    pool = "instancePools: [{type: worker, minCount: 1, maxCount: 1, volumes: [{metadata: {name: root}}]}]"
    clusters = "".join(f"- environment: dev\n  metadata: {{name: {name}}}\n  {pool}\n" for name in "ab")
    head = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n"
    config = TarmakConfig.parse(f"{head}{clusters}")
    after = config.edit().unset("clusters[dev-a]").apply()
    assert [cluster.cluster_name for cluster in after.clusters] == ["dev-b"]


def test_a_flaw_that_stays_does_not_excuse_a_new_one() -> None:
    edits = TarmakConfig.parse(f"{FILE}- environment: none\n  metadata: {{name: two}}\n").edit()
    assert edits.set("contact", "ann").apply().get("contact") == "ann"
    with pytest.raises(ConfigError, match="the environment 'dev' does not exist"):
        edits.set("environments[dev].metadata.name", "prod").apply()


def test_a_flaw_that_goes_excuses_one_new_flaw_only() -> None:
    text = f"{FILE}- environment: dev\n  metadata: {{name: two}}\n- environment: none\n  metadata: {{name: three}}\n"
    with pytest.raises(ConfigError, match="the environment 'dev' does not exist"):
        TarmakConfig.parse(text).edit().set("environments[dev].metadata.name", "none").apply()
