"""Whether an entry of an existing kubeconfig is ours to change, and what it should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tarmak_iam.emit.exec_update import foreign_plugin, kept_role, login_of, repaired, up_to_date
from tarmak_iam.emit.kubeconfig import is_tunnel
from tarmak_iam.text import quoted

__all__ = ["Claim", "claim", "repair"]

Values = Mapping[Any, Any]

_OTHER_CREDENTIALS = (
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "token",
    "tokenFile",
    "username",
    "password",
    "auth-provider",
)
_OTHER_TRUST = ("insecure-skip-tls-verify", "certificate-authority")


@dataclass(frozen=True, slots=True)
class Claim:
    """`value` is what the entry should be; `against` says why it is not ours (with `value` taking its place),
    and never quotes a credential."""

    value: dict[Any, Any]
    against: str | None = None
    kept_role: str | None = None
    """The role of a user where ours has none."""


def claim(kind: str, found: Values, wanted: Values) -> Claim:
    """For the content of a `cluster`, `context` or `user` of our name and the one that `kubeconfig` makes.

    Ours is a cluster of the same server, or of a tunnel with the same CA; a context of our cluster and user; and
    a user without other credentials whose command gets a token for the same cluster id and role. Without a role of
    ours, the role that is there stays.
    """
    return _CLAIMS[kind](found, wanted)


def _cluster(found: Values, wanted: Values) -> Claim:
    kept = {key: value for key, value in found.items() if key not in _OTHER_TRUST}
    value = {**kept, **wanted}
    for key in _OTHER_TRUST:
        if found.get(key):
            return Claim(value, f"it has {key}")
    server, own = found.get("server"), wanted["server"]
    ca = found.get("certificate-authority-data")
    has_ca = isinstance(ca, str) and "".join(ca.split()) == wanted["certificate-authority-data"]
    if has_ca:
        value["certificate-authority-data"] = ca  # as it is written there
    if server and not _same_address(server, own) and not (has_ca and is_tunnel(str(server))):
        return Claim(value, f"its server is {_shown_address(server)}, not {own}")
    if ca and not has_ca and (not server or is_tunnel(str(server))):
        return Claim(value, "its CA is another")
    if server and _same_address(server, own):
        value["server"] = server
    return Claim(value)


def _same_address(server: object, own: str) -> bool:
    return isinstance(server, str) and server.rstrip("/") == own.rstrip("/")


def _shown_address(server: object) -> str:
    """Without user and password, which an address may have."""
    try:
        parts = urlsplit(str(server))
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    except ValueError:
        return "another one"


def _context(found: Values, wanted: Values) -> Claim:
    value = {**found, **wanted}
    for key in ("cluster", "user"):
        if found.get(key) not in (None, "", wanted[key]):
            return Claim(value, f"its {key} is {quoted(found[key])}, not {quoted(wanted[key])}")
    return Claim(value)


def _user(found: Values, wanted: Values) -> Claim:
    for key in _OTHER_CREDENTIALS:
        if found.get(key):
            return Claim(dict(wanted), f"it has {key}")
    plugin, own = found.get("exec"), wanted["exec"]
    if plugin is None:
        return Claim({**found, **wanted})
    against = foreign_plugin(plugin, own)
    if against is not None:
        return Claim(dict(wanted), against)
    return Claim({**found, "exec": up_to_date(plugin, own)}, kept_role=kept_role(plugin, own))


def repair(name: str, found: Values, wanted: Values, cluster_id: str) -> dict[Any, Any]:
    """The content of another user, put right where it is a dated login to the same cluster with a name that we gave
    or give it: the cluster id, or that and its role."""
    plugin: Any = found.get("exec")
    login = None if any(found.get(key) for key in _OTHER_CREDENTIALS) else login_of(plugin)
    if login is None or login[0] != cluster_id:
        return dict(found)
    role = (login[1] or "").rpartition("/")[2]
    if name not in (cluster_id, f"{cluster_id}-{role}"):
        return dict(found)
    return {**found, "exec": repaired(plugin, wanted["exec"])}


_CLAIMS: dict[str, Callable[[Values, Values], Claim]] = {"cluster": _cluster, "context": _context, "user": _user}
