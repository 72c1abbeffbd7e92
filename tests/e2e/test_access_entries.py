"""Access entries, read by the Go packages of the tools that they are written for."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import pytest

from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.mappings.formats import eksctl, terraform
from tests.e2e.golang import Missing, cache_directory, compile_package
from tests.mappings.formats.test_access_entries import ACCOUNT, ENTRIES, HOSTILE

SOURCES = Path(__file__).parent / "access_entry_readers"
MODULES = {
    "eksctl": ("github.com/weaveworks/eksctl v0.215.0", "sigs.k8s.io/yaml v1.6.0"),
    "hcl": ("github.com/hashicorp/hcl/v2 v2.23.0",),
}


def built(name: str) -> Path:
    """Built once for its source and modules. Raises Missing."""
    text = (SOURCES / f"{name}.go").read_text(encoding="utf-8")
    required = "".join(f"{line}\n" for line in MODULES[name])
    module = f"module reader\n\ngo 1.24\n\nrequire (\n{required})\n"
    target = cache_directory() / f"reads-{name}-{crc32((text + module).encode()):08x}"
    if not target.exists():
        cache_directory().mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="build-", dir=cache_directory()) as work:
            (Path(work) / "main.go").write_text(text, encoding="utf-8")
            (Path(work) / "go.mod").write_text(module, encoding="utf-8")
            compile_package(Path(work), ".", target, "-trimpath")
    return target


def read_by(name: str, data: bytes) -> Any:
    """What it reads; skips the test where it cannot be built."""
    try:
        program = built(name)
    except Missing as missing:
        pytest.skip(str(missing))
    done = subprocess.run([program], input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


NAMED = tuple(
    ENTRIES[1]._replace(principal=f"{ACCOUNT}user/{number}", username=name) for number, name in enumerate(HOSTILE)
)


def test_eksctl_reads_its_config_file() -> None:
    data = yaml_bytes(eksctl.write((*ENTRIES, *NAMED), "new", "eu-west-1"))
    dev, ann, nodes, *named = read_by("eksctl", data)
    assert dev["kubernetesUsername"] == "dev:{{SessionName}}"
    assert dev["kubernetesGroups"] == ["dev", "ops"]
    assert [policy["accessScope"] for policy in (*dev["accessPolicies"], *ann["accessPolicies"])] == [
        {"type": "namespace", "namespaces": ["a", "b-*"]},
        {"type": "cluster"},
    ]
    assert nodes == {"principalARN": f"{ACCOUNT}role/Nodes", "type": "EC2_LINUX"}
    assert [entry["kubernetesUsername"] for entry in named] == list(HOSTILE)


def test_terraform_reads_the_names_as_they_are() -> None:
    text = terraform.write((*ENTRIES, *NAMED), "", ["Note."])
    assert read_by("hcl", text.encode()) == ["dev:{{SessionName}}", "ann", *HOSTILE]
