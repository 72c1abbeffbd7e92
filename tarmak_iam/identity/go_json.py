"""Lists of mappings as Go's encoding/json fills the daemon's structs: keys in any case, wrong types left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tarmak_iam.go_case import fold
from tarmak_iam.identity.model import Mapping, SsoRole
from tarmak_iam.routes import Route

__all__ = ["JsonMappings"]


class JsonMappings:
    """Reads one text. `failed` says afterwards whether something had another type than its field.

    encoding/json goes on behind such a value, and its caller decides whether the rest counts.
    `has_sso`: whether the release's struct has the field.
    """

    def __init__(self, *, has_sso: bool) -> None:
        self.failed = False
        self._has_sso = has_sso

    def mappings(self, value: Any, kind: str, route: Route) -> list[Mapping]:
        """An item of another type is one without values, null is one too."""
        return [self._mapping(item, kind, route / index) for index, item in enumerate(self._list(value))]

    def texts(self, value: Any) -> list[str]:
        return [self._text(item) for item in self._list(value)]

    def _mapping(self, item: Any, kind: str, route: Route) -> Mapping:
        arn = f"{kind}arn"
        texts: dict[str, str] = {}
        groups: tuple[str, ...] = ()
        sso = None
        for name, value in self._fields(item):
            if name in (arn, "username", "userid"):
                texts[name] = self._text(value, texts.get(name, ""))
            elif name == "groups":
                groups = tuple(self.texts(value)) if self._is(value, list) else groups
            elif name == "sso" and self._has_sso and kind == "role" and self._is(value, dict):
                sso = self._sso(value, sso)
        return Mapping(
            kind=kind,
            arn=texts.get(arn, ""),
            username=texts.get("username", ""),
            groups=groups,
            route=route,
            sso=sso,
            user_id=texts.get("userid", ""),
        )

    def _sso(self, value: dict[Any, Any], before: SsoRole | None) -> SsoRole:
        """A second one fills the same struct."""
        sso = before or SsoRole("", "")
        texts = {"permissionsetname": sso.permission_set, "accountid": sso.account, "partition": sso.partition}
        for name, text in self._fields(value):
            if name in texts:
                texts[name] = self._text(text, texts[name])
        return SsoRole(*texts.values())

    def _fields(self, value: Any) -> Iterator[tuple[str, Any]]:
        """In their order, names folded; null changes nothing."""
        if value is not None and self._is(value, dict):
            yield from ((fold(str(key)), child) for key, child in value.items() if child is not None)

    def _list(self, value: Any) -> list[Any]:
        return value if value is not None and self._is(value, list) else []

    def _text(self, value: Any, before: str = "") -> str:
        """What was there before stays where the value is no text."""
        return value if value is not None and self._is(value, str) else before

    def _is(self, value: Any, wanted: type) -> bool:
        fits = isinstance(value, wanted)
        self.failed = self.failed or not fits
        return fits
