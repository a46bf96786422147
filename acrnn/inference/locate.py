"""Finds models: in a folder that the caller names, or among those that come with the package."""

from __future__ import annotations

from pathlib import Path

from acrnn.model_card import CARD, REMEDY

DEFAULT = "acrnn_emodb"
_PACKAGE = Path(__file__).parent.parent
# Next to the package in a checkout, inside the package where it is installed.
HOMES = (_PACKAGE.parent / "saved_models", _PACKAGE / "saved_models")


def included() -> dict[str, Path]:
    """Returns the folders of the models that come with the package, by name."""
    homes = [home for home in HOMES if home.is_dir()]
    return {path.name: path for home in reversed(homes) for path in sorted(home.iterdir()) if _versions(path)}


def version_folder(model: str | Path) -> Path:
    """Returns the version folder of a model, the highest version unless the caller names one.

    Args:
        model: name of an included model, folder of a model, or folder of a version.

    Raises:
        FileNotFoundError: there is no such model.
    """
    path = Path(model)
    if (path / CARD).is_file():
        return path
    if versions := _versions(path):
        return versions[-1]
    if (home := included().get(str(model))) is not None:
        return _versions(home)[-1]
    if path.exists():
        raise FileNotFoundError(f"{path}: not an exported model, it has no {CARD}; {REMEDY}")
    names = ", ".join(included()) or "none"
    raise FileNotFoundError(f"{model}: no such model; included are: {names}; or {REMEDY}")


def reference(folder: Path) -> str | Path:
    """Returns the text that names a version folder on every machine: the name of an included model, or its absolute path.

    Packages may be installed in other folders there.
    """
    names = (name for name in included() if version_folder(name) == folder)
    return next(names, folder.absolute())


def _versions(folder: Path) -> list[Path]:
    """Returns the versions of a model that have a card, the highest last."""
    if not folder.is_dir():
        return []
    versions = [path for path in folder.iterdir() if path.name.isdecimal() and (path / CARD).is_file()]
    return sorted(versions, key=lambda path: int(path.name))
