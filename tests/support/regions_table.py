"""Writes tarmak_iam/aws/regions.json, the regions that the installed botocore knows; `make regions` runs it.

They are those of its endpoints.json and partitions.json, without the pseudo-regions such as aws-global. The table only
ever grows: an older botocore takes nothing out of it.
"""

from __future__ import annotations

import json
import re
from typing import Any

import botocore
from botocore.loaders import Loader

from tests.support import ROOT

__all__ = ["TABLE", "regions_of_botocore", "table_text"]

TABLE = ROOT / "tarmak_iam" / "aws" / "regions.json"


def regions_of_botocore() -> dict[str, set[str]]:
    """Partition -> regions."""
    loader = Loader()
    found: dict[str, set[str]] = {}
    for name, key in ("endpoints", "partition"), ("partitions", "id"):
        data: dict[str, Any] = loader.load_data(name)
        for partition in data["partitions"]:
            regions = (each for each in partition["regions"] if not each.endswith("-global"))
            found.setdefault(partition[key], set()).update(regions)
    return found


def table_text(before: str | None = None) -> str:
    """The table with what the installed botocore knows besides; `before` is what there is of it."""
    old: dict[str, Any] = json.loads(before or '{"botocore": "0", "partitions": {}}')
    regions = {name: set(each) for name, each in old["partitions"].items()}
    for name, each in regions_of_botocore().items():
        regions.setdefault(name, set()).update(each)
    version = max(old["botocore"], botocore.__version__, key=lambda each: [int(n) for n in re.findall(r"\d+", each)])
    table = {"botocore": version, "partitions": {name: sorted(each) for name, each in regions.items()}}
    return json.dumps(table, indent=1) + "\n"


if __name__ == "__main__":
    TABLE.write_text(table_text(TABLE.read_text(encoding="utf-8") if TABLE.exists() else None), encoding="utf-8")
