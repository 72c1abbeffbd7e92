"""Files of this package, without `importlib.resources`, which imports modules for temporary files and archives."""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def package_json(package: str | None, name: str) -> Any:
    """The content of a JSON file in a package, which may be in an archive."""
    module = sys.modules[package or ""]
    loader: Any = module.__spec__.loader if module.__spec__ else None
    return json.loads(loader.get_data(os.path.join(os.path.dirname(module.__file__ or ""), name)))
