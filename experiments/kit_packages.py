"""The packages of a kit for another machine: the wheel of this one, and those that it needs there, without TensorFlow."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

from acrnn import files
from acrnn.errors import UsageError

_CHECKOUT = Path(__file__).parent.parent
_SOURCES = ("setup.py", "pyproject.toml", "README.md", "acrnn", "data_prep", "experiments", "saved_models")
_WITHOUT_WHEEL = "python_speech_features"  # has no wheel in the registry; it is built here, for every platform
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
REQUIREMENTS, CONSTRAINTS, WHEELS = "requirements.txt", "constraints.txt", "wheels"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `add` to a parser."""
    parser.add_argument(
        "--no-wheels",
        action="store_true",
        help="no packages but this one, for a machine that can install from a registry",
    )
    parser.add_argument(
        "--accelerator",
        choices=("cuda12", "cuda13", "cpu"),
        default="cuda12",
        help="kind of JAX (default: %(default)s)",
    )


def add(kit: Path, options: argparse.Namespace) -> str:
    """Writes the packages into a kit, for 64-bit Linux and the version of this Python.

    Args:
        kit: folder of the kit.
        options: options of `add_options`.

    Returns:
        Commands of a shell that install everything into the environment `venv`.

    Raises:
        UsageError: this is no checkout.
        RuntimeError: a package cannot be built or fetched.
    """
    wheel = _build(kit / WHEELS)
    requirements = [*_requirements(wheel, options.accelerator)]
    files.write_text(kit / REQUIREMENTS, "\n".join(requirements) + "\n")
    shutil.copyfile(_CHECKOUT / CONSTRAINTS, kit / CONSTRAINTS)
    pip = "venv/bin/python -m pip install"
    if options.no_wheels:
        source = f"-c {CONSTRAINTS}"
    else:
        _download(kit)
        source = f"--no-index --find-links {WHEELS}"
    return f"{pip} {source} -r {REQUIREMENTS} && {pip} --no-deps {WHEELS}/{wheel.name}"


def _build(folder: Path) -> Path:
    """Builds the wheel of this package, from a copy: a build folder in the checkout would add old files."""
    if not (_CHECKOUT / "setup.py").is_file():
        raise UsageError("pack: needs a checkout of the package, and this is an installed one")
    for earlier in folder.glob("acrnn-*.whl"):  # of an interrupted call
        earlier.unlink()
    with tempfile.TemporaryDirectory() as temporary:
        for name in _SOURCES:
            source, copy = _CHECKOUT / name, Path(temporary, name)
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("results", "__pycache__", "_top_level"))
            else:
                shutil.copyfile(source, copy)
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), temporary)
    return next(folder.glob("acrnn-*.whl"))


def _requirements(wheel: Path, accelerator: str) -> Iterator[str]:
    """Yields what the package requires, without TensorFlow and with JAX for an accelerator."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        fields = Parser().parsestr(archive.read(name).decode())
    for line in fields.get_all("Requires-Dist", []):
        requirement, _, marker = line.partition(";")
        if "extra ==" not in marker and not requirement.startswith("tensorflow"):
            yield line
        elif marker.strip() in ('extra == "jax"', "extra == 'jax'"):
            yield requirement if accelerator == "cpu" else requirement.replace("jax", f"jax[{accelerator}]", 1)


def _download(kit: Path) -> None:
    wheels = str(kit / WHEELS)
    constraints = ("-c", str(kit / CONSTRAINTS))
    _pip("wheel", "--no-deps", *constraints, "--wheel-dir", wheels, _WITHOUT_WHEEL)
    platforms = [word for name in _PLATFORMS for word in ("--platform", name)]
    _pip(
        *("download", "--dest", wheels, "--find-links", wheels, "--only-binary=:all:", *platforms, *constraints),
        *("-r", str(kit / REQUIREMENTS)),
    )


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise RuntimeError(f"pip {arguments[0]} failed: {lines[-1] if lines else 'without a message'}")
