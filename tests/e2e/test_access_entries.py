"""Access entries, read by the Go packages of the tools that they are written for."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.mappings.formats import eksctl, terraform
from tests.e2e.golang import built_once
from tests.mappings.formats.test_access_entries import ACCOUNT, ENTRIES, HOSTILE

SOURCES = Path(__file__).parent / "access_entry_readers"
MODULES = {
    "eksctl": ("github.com/weaveworks/eksctl v0.215.0", "sigs.k8s.io/yaml v1.6.0"),
    "hcl": ("github.com/hashicorp/hcl/v2 v2.23.0",),
}


def read_by(name: str, data: bytes) -> Any:
    """What its package reads."""
    text = (SOURCES / f"{name}.go").read_text(encoding="utf-8")
    required = "".join(f"{line}\n" for line in MODULES[name])
    module = f"module reader\n\ngo 1.24\n\nrequire (\n{required})\n"

    def prepare(work: Path) -> Path:
        (work / "main.go").write_text(text, encoding="utf-8")
        (work / "go.mod").write_text(module, encoding="utf-8")
        return work

    program = built_once(f"reads-{name}", text + module, ".", prepare)
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
