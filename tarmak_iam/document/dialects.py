"""How a go-yaml release reads a document: its scalars, and what a merge key may override."""

from __future__ import annotations

from dataclasses import dataclass

from tarmak_iam.document.scalars import Resolver, resolve_v2, resolve_v2_later, resolve_v3

__all__ = ["YAML_V2", "YAML_V2_LATER", "YAML_V3", "Dialect"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """`own_keys_win`: a mapping's own keys win over `<<` wherever that stands; else the later one wins.

    `checks_last_anchor`: whether an alias may be merged is decided by the last value in the document that has the
    anchor's name (yaml.v2, decode.go, merge); what is merged is the value that the alias stands for.
    """

    resolve: Resolver
    own_keys_win: bool = False
    checks_last_anchor: bool = False


YAML_V2 = Dialect(resolve_v2, checks_last_anchor=True)
"""yaml.v2 up to 2.2.2: Tarmak's own."""

YAML_V2_LATER = Dialect(resolve_v2_later)
"""yaml.v2 from 2.2.3 on: `1e3` and `1.` are floats."""

YAML_V3 = Dialect(resolve_v3, own_keys_win=True)
"""yaml.v3: `yes` is a string, `2019-06-01` a time."""
