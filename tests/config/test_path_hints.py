"""What a message about a path says to write instead leads to a key at once; and no message says to change the file."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tarmak_iam import TarmakConfig
from tarmak_iam.config.key_paths import KeyPath
from tarmak_iam.config.path_lookup import look_up, look_up_each
from tarmak_iam.errors import SelectionError
from tarmak_iam.routes import Route
from tests.support import EXAMPLES

CONFIG = TarmakConfig.load(EXAMPLES / "multi")
BLUE = CONFIG.cluster("prod-blue").route
RIGHT = (
    *("kubernetes.version", "kubernetes.apiServer.public", "kubernetes.apiServer.allowCIDRs", "metadata.name"),
    *("kubernetes.apiServer.amazon.publicELBAccessLogs.bucket", "kubernetes.podSecurityPolicy.enabled"),
    *("instancePools[worker].maxCount", "instancePools[type=etcd].size", "instancePools[0].volumes[root].size"),
    *("instancePools[*].subnets[0].zone", "loggingSinks[0].types", "network.cidr", "awsIAMAuthenticatorInit"),
    *("currentCluster", "/environments[prod].adminCIDRs", "clusters[prod-blue].kubernetes.version", "providers"),
    *("/clusters[1].instancePools[master].labels[a].value", "clusters[blue]", 'metadata.annotations."a.b/c"', "."),
)
PARTS = ("apiServer", "kubernetes", "[worker]", "[0]", "[*]", "[type=x]", ".", "/", "=", " ", '"', "prod-blue", "7")
# Said in words, without a path: how a path is written, or what is in the file.
IN_WORDS = (
    "write a key, or . for the whole cluster",
    "write a dot before each key",
    "write [NAME], [INDEX] or [KEY=VALUE], as in [worker]",
    "remove the dot before it",
    "put the whole key in quotes",
    "put a key that contains a blank in quotes",
    "end the path before it; a value is a separate argument",
    "the first has the index 0, the last -1",
    "no item has that key",
    "",
)


def hinted(error: SelectionError) -> Iterator[str]:
    """The paths that a person would type after reading the message."""
    remedy = re.sub(r" \([^()]*tarmak\.yaml:\d+:\d+\)", "", error.remedy)
    remedy = re.sub(r"( and \d+ more|, or put a key that contains dots in quotes)\Z", "", remedy).removesuffix("?")
    where = re.search(r" in ([^ ]+)\Z", error.what)
    home = f"{where[1]}." if where else "" if error.what.endswith("in the cluster") else "/"
    text = re.sub(r"\A(.*, as in|did you mean|choose|write|it has) ", "", remedy)
    names = text.removeprefix("one of ").split(", ")
    if remedy.startswith("it has "):
        lists, keys = re.match(r"(.+) has no item (?:with (\S+) )?'", error.what, re.DOTALL).groups()  # type: ignore[union-attr]  # what such a message begins with
        yield from (f'{lists}[{f"{keys}=" if keys else ""}"{name}"]' for name in names)
    elif " know the key " in error.what and ("one of " in remedy):
        yield from (f"{home}{name}" for name in names)
    else:
        yield from names


def refusal(text: str, base: Route) -> SelectionError | None:
    try:
        look_up_each(CONFIG.document, base, KeyPath.parse(text))
    except SelectionError as error:
        return error
    return None


@st.composite
def wrong_paths(draw: st.DrawFn) -> str:
    """A right path with slips: letters lost, doubled, swapped or in another case, and parts of other paths."""
    text = draw(st.sampled_from(RIGHT))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        kind = draw(st.sampled_from(("lose", "double", "swap", "case", "insert", "cut")))
        head, here, tail = text[:at], text[at : at + 1], text[at + 1 :]
        text = {
            "lose": head + tail,
            "double": head + here * 2 + tail,
            "swap": head + tail[:1] + here + tail[1:],
            "case": head + here.swapcase() + tail,
            "insert": head + draw(st.sampled_from(PARTS)) + text[at:],
            "cut": text[text.find(".") + 1 :],
        }[kind]
    return text


@given(wrong_paths(), st.sampled_from((BLUE, Route())))
@example("environments[prod]./adminCIDRss", Route())
@example("kubernetes.apiserver.publik", BLUE)
@example("kubernetesVersion", BLUE)
@example("clusters[prod-bleu].kubernets.verison", Route())
@example("clusters[prod].environment", Route())
@example("prod-blue.kubernetes.version", BLUE)
@example("/kubernetes.version", Route())
@example("instancePools[0].labels[a]", BLUE)
@example("cluster.network.cidr", BLUE)
@example("instancePools.size", BLUE)
@example("loggingSinks[0].typs", BLUE)
@example("types", Route())
@example("network.cidr/", Route())
@example("=kubernetes.version", BLUE)
@example("k=ubernetes.version", BLUE)
def test_a_hint_leads_to_a_key(text: str, base: Route) -> None:
    check_hint(text, base)


def check_hint(text: str, base: Route) -> None:
    refused = refusal(text, base)
    if refused is not None and (pair := re.match(r"write path and value as two arguments: (.*)\Z", refused.remedy)):
        check_hint(shlex.split(pair[1])[0], base)  # what is before the = is as it was typed: it has hints of its own
    elif refused is not None and refused.remedy not in IN_WORDS:
        assert not re.search(r"\b(append|set|unset|patch)\b", refused.remedy)
        assert {path: str(refusal(path, base)) for path in hinted(refused)} == dict.fromkeys(hinted(refused), "None")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("kubernetes.apiserver.publik", "kubernetes.apiServer.public"),
        ("environments[prd].locaton", "/environments[prod].location"),
        ("kubernetes.apiserver.nothing", "kubernetes.apiServer"),
        ("cluster.network.cidr", "/clusters[prod-blue].network.cidr"),
    ],
)
def test_all_slips_are_corrected_at_once(text: str, meant: str) -> None:
    with pytest.raises(SelectionError) as refused:
        look_up(CONFIG.document, BLUE, KeyPath.parse(text))
    assert refused.value.remedy.split(" (")[0] in (f"did you mean {meant}?", f"did you mean {meant}")


def test_a_key_of_the_file_that_a_cluster_has_too_is_ambiguous() -> None:
    text = CONFIG.document.text.replace("      cloudId: aws\n", "      cloudId: aws\n      project: other\n", 1)
    document = TarmakConfig.parse(text).document
    with pytest.raises(SelectionError) as refused:
        look_up(document, Route(), KeyPath.parse("project"))
    assert refused.value.message == "'project' may mean several keys; choose one of /project, /clusters[0].project"
    for path in hinted(refused.value):
        assert str(look_up(document, Route(), KeyPath.parse(path)).path) == path
