"""The import rule: experiments → acrnn ← data_prep, Keras alone where a network is, TensorFlow only where it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHARED_WITH_PREPARATION = {"audio", "frontends", "segments", "records", "files", "console", "progress", "processes"}
SHARED_WITH_PREPARATION |= {"companions", "text", "vectors"}
KERAS_ALONE = [
    ROOT / "acrnn" / name
    for name in (
        "layers.py",
        "training.py",
        "elm_training.py",
        "two_stage_training.py",
        "window_layers.py",
        "utterance_training.py",
        "feeding.py",
        "utterances.py",
        "inputs.py",
        "text/embedding.py",
        "text/vocabulary.py",
    )
]

# What is written in TensorFlow from end to end, and imported where it is used.
GRAPHS = [ROOT / "acrnn" / room / "in_graph.py" for room in ("frontends", "text")] + [
    ROOT / "acrnn" / "export" / f"{name}.py" for name in ("graph", "wav", "saved_model", "onnx_model", "litert_model")
]


def imports_of(path, top_level_only=False):
    """Every module that a file imports, by full name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files_of(package):
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", files_of("acrnn"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_never_imports_preparation_or_experiments(path):
    roots = {name.split(".")[0] for name in imports_of(path)}
    assert not roots & {"data_prep", "experiments"}


@pytest.mark.parametrize("path", files_of("data_prep"), ids=lambda path: str(path.relative_to(ROOT)))
def test_preparation_imports_only_what_fixes_the_records(path):
    parts = {name.split(".")[1] for name in imports_of(path) if name.startswith("acrnn.")}
    assert parts <= SHARED_WITH_PREPARATION


@pytest.mark.parametrize("path", [*KERAS_ALONE, *files_of("acrnn/models")], ids=lambda path: path.name)
def test_networks_and_training_know_keras_alone(path):
    assert "tensorflow" not in {name.split(".")[0] for name in imports_of(path)}


@pytest.mark.parametrize(
    "path", files_of("acrnn") + files_of("data_prep"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_tensorflow_and_matplotlib_are_imported_where_they_are_used(path):
    roots = {name.split(".")[0] for name in imports_of(path, top_level_only=True)}
    heavy = roots & {"tensorflow", "matplotlib", "librosa", "gradio", "onnxruntime", "tf2onnx", "ai_edge_litert"}
    allowed = {"matplotlib"} if path.name == "figures.py" else {"tensorflow"} if path in GRAPHS else set()
    assert heavy <= allowed


def test_what_recognises_imports_nothing_of_training_or_export():
    for path in files_of("acrnn/inference"):
        parts = {name.split(".")[1] for name in imports_of(path) if name.startswith("acrnn.")}
        assert parts <= {
            "audio",
            "card",
            "console",
            "files",
            "inference",
            "progress",
            "segments",
            "figures",
            "reports",
            "text",
            "vectors",
        }, path


SCRIPTS = [path for path in files_of("experiments") if "__main__" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "acrnn.cli"],
        ["-m", "data_prep"],
        *([f"experiments/{path.name}"] for path in SCRIPTS),
    ],
    ids=lambda command: command[-1],
)
def test_help_imports_nothing_heavy(command):
    program = (
        "import runpy, sys\n"
        "sys.argv = ['program', '--help']\n"
        f"command = {command!r}\n"
        "try:\n"
        "    runpy.run_module(command[1], run_name='__main__') if command[0] == '-m' else runpy.run_path(command[0], run_name='__main__')\n"
        "except SystemExit as stop:\n"
        "    heavy = {'tensorflow', 'keras', 'keras_tuner', 'grpc', 'matplotlib', 'librosa', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "    print('STATUS', stop.code, sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "usage:" in done.stdout
    assert done.stdout.splitlines()[-1] == "STATUS 0 []"


def test_no_file_is_called_after_nothing():
    names = {path.stem for package in ("acrnn", "data_prep", "experiments") for path in files_of(package)}
    assert not names & {"utils", "util", "common", "helpers", "misc"}


def test_nothing_is_unpickled():
    for package in ("acrnn", "data_prep", "experiments"):
        for path in files_of(package):
            roots = {name.split(".")[0] for name in imports_of(path)}
            assert not roots & {"pickle", "joblib", "dill", "shelve", "marshal"}, path
            assert "allow_pickle=True" not in path.read_text(encoding="utf-8"), path
