"""What to type for an image that every master can pull, and what else changes by it."""

from __future__ import annotations

from dataclasses import replace

from tarmak_iam.errors import ConfigError
from tarmak_iam.images import Image, gone, public_image
from tarmak_iam.installation import Installation
from tarmak_iam.settings import Settings

__all__ = ["other_release_remedy", "public_image_remedy"]


def public_image_remedy(installation: Installation) -> str:
    """The commands after which the image is a public one, where all whom the mappings name log in as before; and
    those that keep the release. Where there are none, the image has to be copied, or to be built where it is gone."""
    commands, after = _without_own_image(installation)
    old, keeping = installation.running_version, public_image(installation.running_version)
    kept = "" if keeping is None else installation.command("settings set image", keeping)
    if not _is_same_for_all(installation, after):
        return f"use the public image of {old}: {kept}" if kept else _own_copy(installation)
    if after.daemon_version == old:
        return f"use the public image: {commands}"
    changed = f"use the public image, which is {after.daemon_version} instead of {old}: {commands}"
    return f"{changed}, or to keep {old}: {kept}" if kept else f"{changed}, or {_own_copy(installation)}"


def other_release_remedy(installation: Installation) -> str:
    """The commands after which image and daemonVersion are of one release. Without daemonVersion it is the image's, as
    long as all whom the mappings name log in with it as before."""
    version = installation.daemon_version
    public, unset = public_image(version), installation.command("settings unset daemonVersion")
    own = f"set an image of {version}" + (f": {installation.command('settings set image', public)}" if public else "")
    values = installation.settings.model_dump(exclude_unset=True)
    values.pop("daemonVersion", None)
    if not _is_same_for_all(installation, Settings.model_validate(values)):
        return own
    return f"{own}, or take daemonVersion out: {unset}"


def _own_copy(installation: Installation) -> str:
    if gone(Image.parse(installation.image)):
        return f"push an image of {installation.running_version} to a registry of your own, and set image to it"
    return "copy the image to a repository of your own account, and set image to the copy"


def _without_own_image(installation: Installation) -> tuple[str, Settings]:
    """`image` wins over `registry`, so that both have to go where both are set."""
    settings = installation.settings
    values = settings.model_dump(exclude_unset=True)
    commands = []
    if values.pop("image", None) is not None:
        commands.append(installation.command("settings unset image"))
    if settings.registry != "public":
        values["registry"] = "public"
        commands.append(installation.command("settings set registry public"))
    return " && ".join(commands), Settings.model_validate(values)


def _is_same_for_all(installation: Installation, after: Settings) -> bool:
    """Whether everyone becomes the same with the image of other settings, which must be there and fit them."""
    try:
        changed = replace(installation, settings=after, daemon_version=after.daemon_version)
        changed.daemon.check()
    except ConfigError:
        return False
    if changed.release_conflict or gone(Image.parse(after.image)):
        return False
    return _granted(changed) == _granted(installation)


def _granted(installation: Installation) -> set[tuple[object, ...]]:
    return {(each.key, each.username, each.groups, each.is_sure) for each in installation.loaded.grants}
