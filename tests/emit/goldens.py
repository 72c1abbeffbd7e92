"""The golden cases: a folder each, with settings and the whole output of `manifests`. `make goldens` writes it anew."""

from __future__ import annotations

from pathlib import Path

from tarmak_iam.config import TarmakConfig
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.emit import manifests
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.settings import SETTINGS_NAME, parse_settings
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tests.support.installations import CONFIG, MAPPINGS, ON

FOLDER = Path(__file__).parent / "golden"
OUTPUT = "manifests.yaml"


def cases() -> list[str]:
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def made(case: str) -> bytes:
    """What `manifests` prints for the case's files; a file that the case has not is the one of all tests."""
    files = {path.name: path.read_text(encoding="utf-8") for path in (FOLDER / case).iterdir()}
    config = TarmakConfig.parse(files.get("tarmak.yaml", CONFIG.format(api_server=ON, location="eu-west-1")))
    mappings = Mappings.parse(files.get(MAPPINGS_NAME, MAPPINGS))
    settings, _ = parse_settings(files.get(SETTINGS_NAME, ""))
    objects = manifests(Installation.of(config, config.current_cluster, mappings, settings))
    return b"---\n".join(yaml_bytes(each) for each in objects)


if __name__ == "__main__":
    for name in cases():
        (FOLDER / name / OUTPUT).write_bytes(made(name))
