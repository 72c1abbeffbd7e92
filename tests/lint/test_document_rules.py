"""What stands in tarmak.yaml without counting: each rule on bad cases, with its literal place, and on good ones."""

from __future__ import annotations

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.lint import Subjects, check

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\ncurrentCluster: dev-cluster\nclusters:\n"
DEV = HEAD + "- environment: dev\n  metadata:\n    name: cluster\n"  # the next line is the eighth


def found(text: str) -> list[str]:
    config = TarmakConfig.parse(text, "t")
    return [
        f"{each.place.line}:{each.place.column} {each.finding.id} {each.finding.text}"
        for each in check(Subjects(config))
    ]


def starts(text: str, *expected: str) -> None:
    findings = found(text)
    assert len(findings) == len(expected), findings
    for finding, start in zip(findings, expected, strict=True):
        assert finding.startswith(start)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # another spelling, in the same place
        (DEV + "  Kubernetes: {}\n", "8:3 IAM031 Tarmak ignores 'Kubernetes' in clusters[]; did you mean kubernetes?"),
        (DEV + "  cloud_id: x\n", "8:3 IAM031 Tarmak ignores 'cloud_id' in clusters[]; did you mean cloudId?"),
        (
            DEV + "  kubernetes: {dashbord: {enabled: true}}\n",
            "8:16 IAM031 Tarmak ignores 'dashbord' in clusters[].kubernetes; did you mean dashboard?",
        ),
        (
            DEV + "  kubernetes:\n    dashboard:\n      enable: true\n",
            "10:7 IAM031 Tarmak ignores 'enable' in clusters[].kubernetes.dashboard; did you mean enabled?",
        ),
        (
            DEV + "  instancePools:\n  - minCount: 1\n    maxcount: 2\n",
            "10:5 IAM031 Tarmak ignores 'maxcount' in clusters[].instancePools[]; did you mean maxCount?",
        ),
        (
            "currentcluster: dev-cluster\n" + DEV,
            "1:1 IAM031 Tarmak ignores 'currentcluster' at the top level; currentCluster",
        ),
        # the right name in the wrong place
        (
            DEV + "  awsIAMAuthenticatorInit: true\n",
            (
                "8:3 IAM031 Tarmak ignores 'awsIAMAuthenticatorInit' in clusters[]; "
                "did you mean clusters[].kubernetes.apiServer.amazon.awsIAMAuthenticatorInit?"
            ),
        ),
        (
            DEV + "  kubernetes:\n    apiServer:\n      awsIAMAuthenticatorInit: 'true'\n",
            "10:7 IAM031 Tarmak ignores 'awsIAMAuthenticatorInit' in clusters[].kubernetes.apiServer; did you mean",
        ),
        (
            DEV + "  apiServer: {amazon: {awsIAMAuthenticatorInit: true}}\n",
            "8:3 IAM031 Tarmak ignores 'apiServer' in clusters[]; did you mean clusters[].kubernetes.apiServer?",
        ),
        (
            DEV + "kubernetes: {apiServer: {}}\n",
            "8:1 IAM031 Tarmak ignores 'kubernetes' at the top level; did you mean clusters[].kubernetes?",
        ),
        (
            DEV + "  kubernetes: {apiServer: {version: 1.12.9}}\n",
            (
                "8:28 IAM030 Tarmak ignores the unknown key 'version' in clusters[].kubernetes.apiServer; "
                "did you mean clusters[].kubernetes.version?"
            ),
        ),
        (
            DEV + "  project: x\n",
            "8:3 IAM030 Tarmak ignores the unknown key 'project' in clusters[]; did you mean project at the top",
        ),
        (DEV + "  type: hub\n", "8:3 IAM030 Tarmak ignores the unknown key 'type' in clusters[]; did you mean"),
        (
            DEV + "  kubernetes: {apiServer: {bucket: b, amazon: {}}}\n",
            "8:28 IAM030 Tarmak ignores the unknown key 'bucket' in clusters[].kubernetes.apiServer; ",
        ),
        # short names
        (
            DEV + "  network: {cdir: 10.1.0.0/16}\n",
            "8:13 IAM031 Tarmak ignores 'cdir' in clusters[].network; did you mean cidr?",
        ),
        (
            DEV + "  network: {cdir: 10}\n",
            (
                "8:13 IAM030 Tarmak ignores the unknown key 'cdir' in clusters[].network; "
                "did you mean cidr, which must be a string?"
            ),
        ),
        (
            DEV + "  instancePools:\n  - minCuont: '3'\n",
            (
                "9:5 IAM030 Tarmak ignores the unknown key 'minCuont' in clusters[].instancePools[]; "
                "did you mean minCount, which must be a whole number?"
            ),
        ),
        # nothing like it
        (DEV + "  note: x\n", "8:3 IAM030 Tarmak ignores the unknown key 'note' in clusters[]; remove it, or"),
        (
            DEV + "  kubernetes: {enabled: true}\n",
            "8:16 IAM030 Tarmak ignores the unknown key 'enabled' in clusters[].kube",
        ),
        (DEV + "owner: x\n", "8:1 IAM030 Tarmak ignores the unknown key 'owner' at the top level"),
        (DEV + "yes: x\n", "8:1 IAM030 Tarmak ignores the unknown key 'true' at the top"),
        # a value that would not fit is another key
        (DEV + "  kubernetes: {zones: [a]}\n", "8:16 IAM030 Tarmak ignores the unknown key 'zones'"),
        # twice
        (
            DEV + "  location: a\n  cloudId: b\n  location: a\n",
            "10:3 IAM032 duplicate key 'location', already in line 8: Tarmak uses only this one; keep",
        ),
        (DEV + "x-a: {b: 1, b: 2}\n", "8:13 IAM032 duplicate key 'b', already in line 8"),
        (DEV + "x-a: {yes: 1, on: 2}\n", "8:15 IAM032 duplicate key 'true', already in line 8"),
        # merged over
        (
            DEV + "  location: a\n  <<: &d {location: b}\n",
            "8:3 IAM033 'location' is ignored: Tarmak lets the later merge key in line 9 override it",
        ),
        (DEV + "  location: a\n  <<: [{cloudId: c}, {location: b}]\n", "8:3 IAM033 'location' is ignored"),
        # behind the first document
        (DEV + "---\nkind: Config\n", "8:1 IAM034 Tarmak reads only the first document"),
        (DEV + "...\n# more\n---\n{\n", "10:1 IAM034 Tarmak reads only the first document"),
        (DEV + "--- [\n", "8:1 IAM034 Tarmak reads only the first document"),
        (
            "".join(f"  {line}\n" for line in DEV.splitlines()) + "providers: []\n",
            (
                "8:1 IAM034 Tarmak stops reading here, without an error: this line is indented less than the first "
                "key; begin all top-level keys in the same column"
            ),
        ),
        (
            "--- {apiVersion: api.tarmak.io/v1alpha1, kind: Config} }\n",
            "1:56 IAM034 Tarmak stops reading here, without an error: the document is already complete; remove it",
        ),
        # octal
        (
            DEV + "  instancePools:\n  - minCount: 010\n",
            "9:15 IAM035 Tarmak reads 010 as 8: a leading zero makes a number octal; write 8, or remove the leading",
        ),
        (DEV + "  instancePools:\n  - volumes: [{size: 010}]\n", "9:22 IAM035 Tarmak reads 010 as 8"),
        (DEV + "  instancePools:\n  - minCount: -010\n", "9:15 IAM035 Tarmak reads -010 as -8"),
        # no value
        (
            DEV + "  kubernetes:\n    apiServer:\n      amazon:\n        awsIAMAuthenticatorInit:\n",
            "11:9 IAM036 awsIAMAuthenticatorInit has no value, which Tarmak reads as false; write true, or remove it",
        ),
    ],
)
def test_one_finding(text: str, expected: str) -> None:
    starts(text, expected)


@pytest.mark.parametrize(
    "text",
    [
        "APIVERSION: api.tarmak.io/v1alpha1\nKind: Config\n",
        DEV + "  kubernetes: {apiServer: {featureGates: {Whatever: true}}}\n",
        DEV + "  values: {itemMap: {mine: x}, metadata: {annotations: {mine: x}}}\n",
        DEV + "x-defaults: {anything: [goes, {here: 1}]}\n",
        DEV + "  x-note: ask Dave\n",
        "defaults: &d {location: eu-west-1}\n" + DEV + "  <<: *d\n",
        DEV + "  <<: {location: a}\n  location: b\n",
        DEV + "  <<: [{location: a}, {location: b}]\n",
        DEV + "---\n",
        DEV + "...\n# that is all\n",
        DEV + "  instancePools:\n  - minCount: 0\n    maxCount: 0x10\n",
        DEV + "  kubernetes:\n    version: '1.12.9'\n",
    ],
)
def test_none(text: str) -> None:
    assert [each for each in found(text) if " IAM03" in each] == []


def test_what_is_below_another_spelling_is_looked_at_too() -> None:
    starts(
        DEV + "  kubernetes:\n    APIServer:\n      amazon:\n        awsIAMAuthenticatorinit: true\n        note: x\n",
        "9:5 IAM031 Tarmak ignores 'APIServer'",
        "11:9 IAM031 Tarmak ignores 'awsIAMAuthenticatorinit'",
        "12:9 IAM030 Tarmak ignores the unknown key 'note'",
    )


def test_what_is_below_a_misspelling_is_looked_at_too() -> None:
    starts(
        DEV + "  kubernets:\n    apiServr:\n      amazn:\n        awsIAMAuthenticatorInt: true\n        note: x\n",
        "8:3 IAM031 Tarmak ignores 'kubernets'",
        "9:5 IAM031 Tarmak ignores 'apiServr'",
        "10:7 IAM031 Tarmak ignores 'amazn'",
        "11:9 IAM031 Tarmak ignores 'awsIAMAuthenticatorInt'",
        "12:9 IAM030 Tarmak ignores the unknown key 'note'",
    )


def test_an_anchor_that_several_clusters_share_is_told_of_once() -> None:
    shared = "x-k: &k\n  apiServer:\n    amazn: {awsIAMAuthenticatorInit: true}\n"
    text = DEV + "  kubernetes: *k\n- environment: prod\n  metadata: {name: hub}\n  kubernetes: *k\n"
    starts(shared + text, "3:5 IAM031 Tarmak ignores 'amazn' in clusters[].kubernetes.apiServer; did you mean amazon?")


def test_duplicates_of_strict_json() -> None:
    text = '{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config",\n "contact": "a", "contact": "b"}\n'
    starts(
        text,
        "2:18 IAM032 duplicate key 'contact', already in line 2: Tarmak's JSON reader merges objects and lists, and",
    )


def test_three_of_a_kind() -> None:
    text = DEV + "contact: a\ncontact: b\ncontact: c\n"
    assert found(text) == [
        "9:1 IAM032 duplicate key 'contact', already in line 8: Tarmak uses only the one in line 10; keep one of them",
        ("10:1 IAM032 duplicate key 'contact', already in line 8: Tarmak uses only this one; keep one of them"),
    ]


def test_which_of_keys_and_merges_counts() -> None:
    later = "Tarmak lets the later merge key in line 10 override it; move the merge key (<<) above it"
    assert found(DEV + "contact: a\ncontact: b\n<<: {contact: c}\n") == [
        "9:1 IAM032 duplicate key 'contact', already in line 8: Tarmak uses only the one in line 10; keep one of them",
        f"9:1 IAM033 'contact' is ignored: {later}",
    ]
    assert found(DEV + "contact: a\n<<: {contact: c}\ncontact: b\n") == [
        ("10:1 IAM032 duplicate key 'contact', already in line 8: Tarmak uses only this one; keep one of them")
    ]
    assert found(DEV + "<<: {contact: c}\n<<: {contact: b}\n") == [
        (
            "8:1 IAM033 'contact' of this merge key is ignored: Tarmak lets the later merge key in line 9 "
            "override it; use one merge key with a list: its first entry takes effect"
        )
    ]
    assert found(DEV + "contact: c\n<<: {contact: c}\n") == []


def test_an_anchor_below_a_mistake_excuses_it_at_the_top_level_only() -> None:
    text = "  kubernetes:\n    apiServr: {allowCIDRs: &office [10.0.0.0/8], amazon: {awsIAMAuthenticatorInit: true}}\n"
    other = "- environment: prod\n  metadata: {name: hub}\n  kubernetes: {apiServer: {allowCIDRs: *office}}\n"
    starts(DEV + text + other, "9:5 IAM031 Tarmak ignores 'apiServr' in clusters[].kubernetes; did you mean apiServer?")
    assert found("apiServer: &api {public: true}\n" + DEV + "  kubernetes: {apiServer: *api}\n") == []


def test_a_name_that_is_there_already() -> None:
    text = DEV + "  kubernetes: {apiServer: {Amazon: {}, amazon: {}}}\n"
    starts(text, "8:28 IAM031 Tarmak ignores 'Amazon' in clusters[].kubernetes.apiServer; amazon is already set: keep")


def test_a_wrong_place_and_a_misspelling_at_once() -> None:
    text = DEV + "  kubernetes: {apiServer: {awsIAMAuthenticator: true}}\n"
    starts(
        text, "8:28 IAM031 Tarmak ignores 'awsIAMAuthenticator' in clusters[].kubernetes.apiServer; did you mean clus"
    )


def test_awsiamauthenticatorinit_without_a_value_in_strict_json() -> None:
    text = (
        '{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config", "clusters": [{"environment": "dev", "metadata": '
        '{"name": "cluster"}, "kubernetes": {"apiServer": {"amazon": {%s}}}}]}'
    )
    init = '"awsIAMAuthenticatorInit": '
    assert [each.split()[1] for each in found(text % (init + "null"))] == ["IAM036"]
    assert [each.split()[1] for each in found(text % (init + "true, " + init + "null"))] == ["IAM032"]


@pytest.mark.parametrize(("key", "odd"), [("apiVersion", "apiVer\u017fion"), ("kind", "\u212aind"), ("kind", "KIND")])
def test_the_head_is_read_in_any_case_as_go_compares(key: str, odd: str) -> None:
    starts(DEV.replace(f"{key}:", f"{odd}:", 1))
