"""Where models are: a folder that is named, or one that came with the package."""

from __future__ import annotations

from pathlib import Path

from acrnn.model_card import CARD, REMEDY

DEFAULT = "acrnn_emodb"
_PACKAGE = Path(__file__).parent.parent
# Beside the code in a checkout, inside the package where it is installed.
HOMES = (_PACKAGE.parent / "saved_models", _PACKAGE / "saved_models")


def included() -> dict[str, Path]:
    """The models that came with the package, by name."""
    homes = [home for home in HOMES if home.is_dir()]
    return {path.name: path for home in reversed(homes) for path in sorted(home.iterdir()) if _versions(path)}


def version_folder(model: str | Path) -> Path:
    """The folder of a model's version: the one that is named, or the highest of a model.

    Args:
        model: the name of an included model, a model's folder or a version's folder.

    Raises:
        FileNotFoundError: there is none.
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


def _versions(folder: Path) -> list[Path]:
    """The versions of a model that have a card, the highest last."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.name.isdecimal() and (path / CARD).is_file()]
    return sorted(found, key=lambda path: int(path.name))
