"""A system in a package of its own: the example of CONTRIBUTING.md, from the corpus to a prediction, and broken packages."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib
from support.tiny_corpus import write_tiny_corpus

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Adding a system")[1].split("\n## ")[0]


def code_block(language: str) -> str:
    (block,) = re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)
    return block


def install(folder: Path, name: str, entry_point: str, module: str | None = None) -> Path:
    """Puts a distribution with one entry point into a folder, as pip would."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[acrnn.systems]\n{name} = {entry_point}\n")
    if module is not None:
        (folder / f"{name}.py").write_text(module)
    return folder


def python(site: Path, program: str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)


# The commands of CONTRIBUTING.md one after the other in one process, which imports TensorFlow once.
COMMANDS = """
import json, sys
from acrnn.cli import main as acrnn
from data_prep.__main__ import main as data_prep
from experiments.run_cv import main as run_cv

corpus, sound = sys.argv[1:]
assert data_prep(["manifest", "--data-dir", corpus, "--out", "records", "--jobs", "1"]) == 0
options = ["--dataset", "manifest", "--records", "records", "--model", "mine2027", "--network", "units=4"]
assert run_cv([*options, "--folds", "0", "--epochs", "1", "--output-dir", "run"]) == 0
assert acrnn(["export", "--run", "run", "--out", "exported/1"]) == 0
assert acrnn(["predict", "--json", "--model", "exported/1", sound]) == 0
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder with the example of CONTRIBUTING.md as an installed package."""
    (entry_points,) = tomllib.loads(code_block("toml"))["project"]["entry-points"].values()
    ((name, entry_point),) = entry_points.items()
    return install(tmp_path_factory.mktemp("site"), name, entry_point, code_block("python"))


def test_the_example_of_a_system_in_a_package_of_its_own_is_trained_exported_and_predicts(site, tmp_path):
    corpus = write_tiny_corpus(tmp_path / "corpus")
    done = python(site, COMMANDS, str(corpus), str(corpus / "s0_high_0.wav"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"mine2027.* on corpus", done.stdout)
    assert re.search(r'"emotion": "(high|low|noisy)"', done.stdout.splitlines()[-1])
    assert (tmp_path / "run" / "report.html").exists()


def test_the_commands_of_the_example_name_its_system():
    assert set(re.findall(r"--model (?:saved_models/)?(\w+)", code_block("bash"))) == {"mine2027"}


IMPORTED_FIRST = """
import mine2027
from acrnn.models import MODELS
assert MODELS["mine2027"] is mine2027.SYSTEM, list(MODELS)
"""


def test_a_package_that_is_imported_before_the_library_is_registered_too(site):
    done = python(site, IMPORTED_FIRST)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("entry_point", "module", "warning"),
    [
        ("broken:SYSTEM", "import a_package_that_is_not_there", "cannot be loaded .ModuleNotFoundError"),
        ("broken:SYSTEM", "SYSTEM = 1", "is a int and not a System"),
        ("nowhere:SYSTEM", None, "cannot be loaded .ModuleNotFoundError"),
    ],
)
def test_a_broken_package_is_left_out_with_a_warning_that_names_it(entry_point, module, warning, tmp_path):
    site = install(tmp_path / "site", "broken", entry_point, module)
    program = "from acrnn.models import MODELS; print('broken' in MODELS, 'chen2018-3d' in MODELS)"
    done = python(site, program)
    assert done.stdout.split() == ["False", "True"]
    assert re.search(rf"acrnn.systems: broken .* of broken {warning}.* left out", done.stderr)


def test_a_package_cannot_replace_a_system_of_the_library(tmp_path):
    module = "from acrnn.models.lim2016 import SYSTEMS\nSYSTEM = SYSTEMS['lim2016-cnn']\n"
    site = install(tmp_path / "site", "other", "other:SYSTEM", module)
    entry_points = site / "other-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[acrnn.systems]\nchen2018-3d = other:SYSTEM\n")
    done = python(site, "from acrnn.models import MODELS; print(MODELS['chen2018-3d'].summary)")
    assert done.stdout.startswith("3-D ACRNN")
    assert "has the name of another entry" in done.stderr
