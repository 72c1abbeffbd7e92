"""The real components of the end-to-end tests: what cannot be built is named, and the others are built all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import components
from tests.e2e.daemon_builds import requirements_of
from tests.e2e.golang import Missing
from tests.e2e.kubernetes_builds import version_flags

GO_VERSION = "github.com/christopherhein/go-version"
MAPSTRUCTURE = "github.com/mitchellh/mapstructure"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of four programs in three workspaces: one that cannot be compiled, one workspace that cannot be prepared."""
    monkeypatch.setenv("TARMAK_IAM_E2E_CACHE", str(tmp_path / "cache"))

    def refused(_: Path) -> Path:
        raise Missing("no proxy has it")

    def compiled(_: Path, package: str, target: Path, *__: str) -> None:
        if package == "bad":
            raise Missing("go build failed: it does not fit")
        target.write_text(package)

    workspaces = (
        components.Workspace({"one": "good", "two": "bad"}, lambda work: work),
        components.Workspace({"three": "good"}, refused),
        components.Workspace({"four": "good"}, lambda work: work),
    )
    monkeypatch.setattr(components, "WORKSPACES", workspaces)
    monkeypatch.setattr(components, "compile_package", compiled)
    return tmp_path / "cache"


def test_what_cannot_be_built_keeps_nothing_else_from_being_built(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert components.main() == 0
    assert sorted(path.name for path in cache.iterdir()) == ["four", "missing.json", "one"]
    told = capsys.readouterr()
    assert [" ".join(line.split()) for line in told.err.splitlines() if not line.startswith("buil")] == [
        "one just built",
        "two missing: go build failed: it does not fit",
        "three missing: no proxy has it",
        "four just built",
    ]
    assert told.out == f"{cache}\n"


def test_what_is_built_is_not_built_again(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    components.build()
    (cache / "one").write_text("as it was")
    capsys.readouterr()
    components.main()
    assert (cache / "one").read_text() == "as it was"
    assert "one                                      from the cache\n" in capsys.readouterr().err


def test_a_test_is_skipped_with_the_reason(cache: Path) -> None:
    components.build()
    components.needed(cache / "one", cache / "four")
    with pytest.raises(pytest.skip.Exception, match=r"^three: no proxy has it$"):
        components.needed(cache / "one", cache / "three")
    with pytest.raises(pytest.skip.Exception, match=r"^five: it is not built; `make e2e` builds it$"):
        components.needed(cache / "five")


def test_nothing_at_all(cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(components, "WORKSPACES", components.WORKSPACES[1:2])
    assert components.main() == components.NOT_TO_BE_HAD
    assert capsys.readouterr().err.endswith("no end-to-end tests: none of these could be built\n")
    cache.rename(cache.with_name("other"))
    cache.write_text("a file")
    assert components.main() == components.NOT_TO_BE_HAD
    assert "cannot be built in: File exists" in capsys.readouterr().err


def test_an_old_lock_file_becomes_requirements() -> None:
    lock = """\
[[projects]]
  name = "github.com/aws/aws-sdk-go"
  packages = ["aws"]
  revision = "56c1def"
  version = "v1.19.11"

[[projects]]
  branch = "master"
  name = "github.com/spf13/cobra"
  revision = "40f1880"

[[projects]]
  name = "k8s.io/client-go"
  revision = "23781f4"
  version = "v7.0.0"
"""
    kubernetes = """\
replace (
	github.com/spf13/cobra => github.com/spf13/cobra v0.0.1
	k8s.io/client-go => k8s.io/client-go v0.15.12
)
"""
    assert requirements_of(lock, kubernetes).splitlines()[4:] == [
        "replace (",
        "\tgithub.com/aws/aws-sdk-go => github.com/aws/aws-sdk-go v1.19.11",
        f"\t{GO_VERSION} => {GO_VERSION} v0.0.0-20180807222509-fee8dd1f7c24",
        f"\t{MAPSTRUCTURE} => {MAPSTRUCTURE} v0.0.0-20170523030023-d0303fe80992",
        "\tgithub.com/spf13/cobra => github.com/spf13/cobra v0.0.1",
        "\tk8s.io/client-go => k8s.io/client-go v0.15.12",
        ")",
    ]


def test_the_version_is_stamped_wherever_a_release_looks_for_it() -> None:
    (flags,) = version_flags("v1.15.12")
    assert "-X k8s.io/kubernetes/pkg/kubectl/version.gitVersion=v1.15.12" in flags
    assert "-X k8s.io/component-base/version.gitMinor=15" in flags
