"""Commands of the console that are scripts with their own options, most of them of `data_prep` and `experiments`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_PACKAGE = Path(__file__).parent
# Folder of data_prep and experiments in a wheel, where their names cannot meet those of other packages.
_INSTALLED = _PACKAGE / "_top_level"


class Script(NamedTuple):
    """A command that is a script of its own, with its own options.

    Attributes:
        module: module with the script's `main`.
        summary: line in the list of commands.
    """

    module: str
    summary: str


SCRIPTS = {
    "prepare": Script("data_prep.__main__", "prepare the record set of a corpus, show one, or verify one"),
    "train": Script("experiments.run_cv", "cross-validate a system"),
    "tune": Script(
        "experiments.tune_depth", "search the number of convolution layers, and more, on validation speakers"
    ),
    "cross-corpus": Script("experiments.cross_corpus", "train on one corpus and test on another"),
    "evaluate": Script("experiments.evaluate_model", "test an exported model on a corpus"),
    "compare": Script("experiments.compare", "compare the results of experiments by paired tests"),
    "listen": Script("acrnn.inference.listen", "recognize emotions at a microphone; needs the extra [microphone]"),
    "fuse": Script("experiments.fusion", "average the predictions of several experiments"),
}


def make_importable() -> str:
    """Puts the packages `data_prep` and `experiments` on Python's path, which an installation leaves off it.

    Returns:
        Their folder.
    """
    folder = str(_INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return folder


def run_script(name: str, arguments: Sequence[str]) -> int:
    """Runs a command of `SCRIPTS`; returns its exit status."""
    make_importable()
    program = sys.argv[0]
    sys.argv[0] = f"acrnn {name}"  # the script's parser shows it in its usage
    try:
        return importlib.import_module(SCRIPTS[name].module).main(arguments)
    finally:
        sys.argv[0] = program
