"""The architecture: which way imports run, what may import what, how large files are, and how they are worded."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("acrnn", "data_prep", "experiments")
COMMAND_LINE = {
    "acrnn.cli",
    "acrnn.__main__",
    "acrnn.completion",
    "acrnn.console",
    "acrnn.distribution.arguments",
    "acrnn.scripts",
    "acrnn.engines.arguments",
    "acrnn.export.arguments",
    "acrnn.export.command",
    "acrnn.inference.arguments",
    "acrnn.inference.command",
    "acrnn.inference.description",
    "acrnn.inference.server_commands",
    "acrnn.inference.listen",
    "acrnn.inference.timeline.command",
    "acrnn.inference.sound_arguments",
    "acrnn.tracking.arguments",
    "data_prep.__main__",
    "data_prep.arguments",
    "data_prep.auxiliary_inputs",
}
# Parts of the library that decide the bytes of the records; data_prep imports these alone.
SHARED_WITH_PREPARATION = {
    "audio",
    "console",
    "engines",
    "errors",
    "extensions",
    "files",
    "frontends",
    "output",
    "progress",
    "reading",
    "records",
    "segments",
    "text",
    "toy_speech",
    "vector_tables",
    "workers",
}
# Parts that a recognizer needs at run time, TensorFlow aside.
NEEDED_FOR_INFERENCE = {
    "audio",
    "console",
    "engines",
    "errors",
    "figures",
    "files",
    "frontends",
    "inference",
    "model_card",
    "output",
    "progress",
    "reading",
    "segments",
    "text",
    "toy_speech",
    "vector_tables",
}
# Modules written in TensorFlow operations throughout; they are imported where they are used.
GRAPH_MODULES = {
    *("acrnn.frontends.in_graph", "acrnn.text.in_graph"),
    *(f"acrnn.distribution.{name}" for name in ("replicas", "strategy", "synchronized")),
    *(f"acrnn.export.{name}" for name in ("graph", "row_checks", "wav", "wav_header", "saved_model", "onnx_model")),
    *(
        f"acrnn.export.{name}"
        for name in ("litert_model", "speaker_normalization", "speaker_dense", "ensembles.networks")
    ),
}
HEAVY = {
    "tensorflow",
    "matplotlib",
    "librosa",
    "gradio",
    "onnxruntime",
    "tf2onnx",
    "ai_edge_litert",
    "sklearn",
    "scipy",
    "ray",
}


def files_of(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    """Dotted name of a source file's module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in files_of(*PACKAGES)}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imports_in(nodes: Iterable[ast.AST]) -> set[str]:
    """Dotted names of all imports among some nodes; `from a import b` counts as a.b where that is a module, else as a."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            names |= {name if name in MODULES else node.module for name in full}
    return names


def imports_of(name: str, top_level_only: bool = False) -> set[str]:
    tree = TREES[name]
    return imports_in(tree.body if top_level_only else ast.walk(tree))


def part_of(name: str) -> str:
    """The folder or file directly in acrnn/ that a module belongs to: "records" for acrnn.records.manifest."""
    return name.split(".")[1] if "." in name else name


def roots(names: Iterable[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The circles of a graph: groups of more than one node that reach each other."""
    reached = {node: _reached(edges, node) for node in edges}
    groups = {
        tuple(sorted(other for other in edges if other in reached[node] and node in reached[other])) for node in edges
    }
    return [list(group) for group in groups if len(group) > 1]


def _reached(edges: dict[str, set[str]], start: str) -> set[str]:
    reached, waiting = set(), [start]
    while waiting:
        for following in edges.get(waiting.pop(), set()) - reached:
            reached.add(following)
            waiting.append(following)
    return reached


def test_the_search_for_circles_finds_one():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def test_the_library_never_imports_preparation_or_experiments():
    library = [name for name in MODULES if name.startswith("acrnn")]
    assert [name for name in library if roots(imports_of(name)) & {"data_prep", "experiments"}] == []


def test_preparation_imports_only_the_parts_that_decide_the_records():
    for name in (name for name in MODULES if name.startswith("data_prep")):
        parts = {part_of(module) for module in imports_of(name) if module.startswith("acrnn.")}
        assert parts <= SHARED_WITH_PREPARATION, name
        assert "experiments" not in roots(imports_of(name)), name


def test_modules_have_no_import_circle():
    # a face imports its own package, so that a circle through one is found between the parts, below
    edges = {
        name: {module for module in imports_of(name) if module in MODULES and module != name}
        for name, path in MODULES.items()
        if path.name != "__init__.py"
    }
    assert not circles(edges)


def test_parts_of_the_library_have_no_import_circle():
    edges: dict[str, set[str]] = {}
    for name in MODULES:
        if name.startswith("acrnn."):
            parts = {part_of(module) for module in imports_of(name) if module.startswith("acrnn.")}
            edges.setdefault(part_of(name), set()).update(parts - {part_of(name)})
    assert not circles(edges)


def test_few_files_lie_directly_in_the_library():
    assert len(list((ROOT / "acrnn").glob("*.py"))) <= 18


def test_files_are_about_one_idea():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files_of(*PACKAGES, "tests")}
    limits = {path: 400 if path.is_relative_to(ROOT / "tests") else 300 for path in lengths}
    assert {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > limits[path]} == {}


def test_function_bodies_are_short():
    for name, tree in TREES.items():
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            assert body[-1].end_lineno - body[0].lineno < 50, f"{name}.{node.name}"


def test_tests_mirror_the_folders():
    mirrored = {path.name for path in (ROOT / "acrnn").iterdir() if path.is_dir()} | {"data_prep", "experiments"}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= mirrored | {"support", "docs", "faults"}


KERAS_ALONE = ("acrnn.layers", "acrnn.training", "acrnn.models", "acrnn.batches", "acrnn.text.embedding")


def test_networks_and_training_import_keras_alone():
    networks = [name for name in MODULES if name.startswith((*KERAS_ALONE, "acrnn.recipes"))]
    assert [name for name in networks if "tensorflow" in roots(imports_of(name))] == []


def test_heavy_packages_are_imported_where_they_are_used():
    allowed = {
        **{name: {"matplotlib"} for name in MODULES if name.startswith("acrnn.figures.")},
        "acrnn.engines.ray_cluster": {"ray"},
        **{name: {"tensorflow"} for name in GRAPH_MODULES},
    }
    for name in (name for name in MODULES if not name.startswith("experiments")):
        assert roots(imports_of(name, top_level_only=True)) & HEAVY <= allowed.get(name, set()), name


def test_inference_imports_nothing_of_training_or_export():
    for name in MODULES:
        if name.startswith("acrnn.inference"):
            parts = {part_of(module) for module in imports_of(name) if module.startswith("acrnn.")}
            assert parts <= NEEDED_FOR_INFERENCE, name


@pytest.mark.parametrize("module", ["acrnn", "acrnn.cli", "acrnn.recipes", "acrnn.models", "data_prep.corpora"])
def test_registries_and_the_console_import_no_keras(module):
    program = f"import sys, {module}; print(sorted({{'keras', 'tensorflow'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


SCRIPTS = [name for name, path in MODULES.items() if name.startswith("experiments.") and "__main__" in path.read_text()]


@pytest.mark.parametrize("command", ["-m acrnn", "-m acrnn.cli", "-m data_prep", *(f"-m {name}" for name in SCRIPTS)])
def test_help_imports_nothing_heavy(command):
    program = (
        "import runpy, sys\n"
        "sys.argv = ['program', '--help']\n"
        "try:\n"
        f"    runpy.run_module({command.split()[1]!r}, run_name='__main__')\n"
        "except SystemExit as stop:\n"
        "    heavy = {'tensorflow', 'keras', 'keras_tuner', 'grpc', 'matplotlib', 'librosa', 'sklearn', 'scipy', 'ray'}\n"
        "    heavy &= set(sys.modules)\n"
        "    print('STATUS', stop.code, sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "usage:" in done.stdout
    assert done.stdout.splitlines()[-1] == "STATUS 0 []"


def test_no_file_has_a_name_without_meaning():
    assert not {path.stem for path in MODULES.values()} & {"utils", "util", "common", "helpers", "misc"}


def test_nothing_is_unpickled():
    for name, path in MODULES.items():
        assert not roots(imports_of(name)) & {"pickle", "joblib", "dill", "shelve", "marshal"}, name
        assert "allow_pickle=True" not in path.read_text(encoding="utf-8"), name


def definitions(name: str) -> Iterator[ast.AST]:
    """The module itself and its functions and classes."""
    yield TREES[name]
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node


def test_docstrings_open_with_a_verb_or_a_noun():
    opening = re.compile(r"(What|Whether|Where|How|Who|Whose|That|Those)\b")
    texts = [ast.get_docstring(node) or "" for name in MODULES for node in definitions(name)]
    assert [text.splitlines()[0] for text in texts if opening.match(text)] == []


def test_public_functions_and_classes_have_docstrings():
    for name, tree in TREES.items():
        assert not tree.body or ast.get_docstring(tree), name
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{name}.{node.name}"


LIBRARY = [name for name in MODULES if name not in COMMAND_LINE and not name.startswith("experiments")]


COMMAND = re.compile(
    r"\b(acrnn prepare|acrnn export|acrnn enrol|acrnn predict|tensorflow_model_server|docker compose) "
)


def texts_of(name: str) -> Iterator[str]:
    """The string constants of a module without docstrings; the fixed parts of an f-string as one text."""
    docstrings = {id(node.body[0].value) for node in definitions(name) if node.body and ast.get_docstring(node)}
    parts: set[int] = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.JoinedStr):
            constants = [value for value in node.values if isinstance(value, ast.Constant)]
            parts |= {id(value) for value in constants}
            yield "…".join(str(value.value) for value in constants)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | parts:
            yield node.value


def test_the_library_names_fields_and_not_command_line_options():
    option = re.compile(r"(?<!\S)--[a-z]")  # allowed in a command that is written out, as a remedy
    texts = [(name, text) for name in LIBRARY for text in texts_of(name)]
    assert [(name, text) for name, text in texts if option.search(text) and not COMMAND.search(text)] == []


def test_the_library_takes_nothing_of_the_console_but_quiet_imports():
    for name in LIBRARY:
        for node in ast.walk(TREES[name]):
            if isinstance(node, ast.ImportFrom) and node.module == "acrnn.console":
                assert {alias.name for alias in node.names} <= {"import_quietly", "silenced"}, name
