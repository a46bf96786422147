"""The pages of the documentation: links lead somewhere, commands parse, tables and published figures are up to date."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
from support.pages import PAGES, ROOT, blocks, commands

from acrnn import cli
from acrnn.scripts import SCRIPTS
from data_prep import __main__ as data_prep_cli
from experiments import readme_tables

README = ROOT / "README.md"


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_tables_are_generated_from_the_results_files(page):
    text = page.read_text(encoding="utf-8")
    assert readme_tables.with_tables(text) == text


def test_enough_results_are_committed_to_fill_the_tables():
    assert len(list((ROOT / "experiments" / "results").glob("emodb_*/**/results.json"))) >= 3


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_that_a_page_links_to_exists(page):
    for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_readme_is_short_and_in_order():
    text = README.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert len(text.splitlines()) <= 150
    assert headings == [
        "Install and first result",
        "Recognize your own recording",
        "Train on your own corpus",
        "Results",
        "Map",
        "Documentation",
        "Citing",
    ]


def test_the_map_of_the_readme_has_every_folder_of_the_library():
    folders = {path.parent.name for path in (ROOT / "acrnn").glob("*/__init__.py")}
    assert folders <= set(re.findall(r"\(acrnn/(\w+)\)", README.read_text(encoding="utf-8")))


def test_every_page_is_in_the_navigation():
    listed = re.findall(r": ([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_that_a_page_shows_is_understood(page, capsys):
    installed = stand_ins(page)
    for command in commands(page):
        if (parser := parser_of([installed.get(word, word) for word in command])) is None:
            continue
        try:
            parser[0].parse_args(parser[1])
        except SystemExit:
            pytest.fail(f"{shlex.join(command)}\n{capsys.readouterr().err}")


def stand_ins(page: Path) -> dict[str, str]:
    """Names that the page declares by entry points, which are not installed here, and names of ours to parse instead."""
    names = {}
    for block in blocks(page, "toml"):
        for group, entries in re.findall(r'\[project\.entry-points\."acrnn\.(\w+)"\]\n((?:\w+ = .+\n)+)', block.code):
            ours = {"corpora": "manifest", "systems": "chen2018-3d"}[group]
            names |= dict.fromkeys(re.findall(r"^(\w+) =", entries, re.MULTILINE), ours)
    return names


def parser_of(command: list[str]):
    """The parser of one of our commands and its arguments; None for another program."""
    match command:
        case ["acrnn", script, *arguments] if script in SCRIPTS:
            return importlib.import_module(SCRIPTS[script].module)._parser(), arguments
        case ["acrnn", *arguments]:
            return cli._parser(), arguments
        case ["python", "-m", "data_prep", *arguments]:
            return data_prep_cli._parser(), arguments
        case ["python", script, *arguments] if script.startswith("experiments/"):
            assert (ROOT / script).is_file(), script
            return importlib.import_module(script.removesuffix(".py").replace("/", "."))._parser(), arguments
    return None


def test_our_commands_are_recognized_among_others():
    shown = [command for command in commands(README) if parser_of(command)]
    assert ["python", "experiments/run_cv.py", "--dataset", "toy"] in shown
    assert ["acrnn", "predict", "recordings/", "--csv"] in shown  # without the redirection
    assert ["acrnn", "prepare"] in [command[:2] for command in shown]
    assert any("--protocol" in command for command in shown)  # of a continued line


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_block_that_is_not_run_says_why(page):
    for block in blocks(page, "python"):
        assert not block.skip or len(block.skip) > 20


def test_the_published_figures_of_the_systems_page_are_those_of_the_code():
    page = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8")
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "acrnn").rglob("published*.py")]
    known = {float(number) for source in sources for number in re.findall(r"\d+\.\d+", source)}
    tables = re.findall(r"^\| published.*?(?=\n\n)", page, re.DOTALL | re.MULTILINE)
    shown = {float(number) for table in tables for number in re.findall(r"\d+\.\d+", table)}
    assert len(shown) > 30
    assert shown <= known
