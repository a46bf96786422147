"""Studies: which experiments run, on which folds, and when the page is written."""

import argparse

import pytest

from acrnn import files, studies
from acrnn.errors import FieldError
from acrnn.studies import Variant
from experiments import study


@pytest.fixture
def finished(monkeypatch):
    """The experiments that have run, as (name of the folder, folds); nothing is trained."""
    calls = []
    monkeypatch.setattr(
        studies, "cross_validate", lambda experiment, folder, folds, *_, **__: calls.append((folder.name, folds))
    )
    monkeypatch.setattr(studies.reports, "write_report", lambda folder: None)
    return calls


def options(tmp_path, **changes):
    values = {"output_dir": tmp_path, "tables_only": False, "folds": None, "seeds": (0,), "jobs": 1, "precision": None}
    return argparse.Namespace(**{**values, **changes})


def test_variants_run_in_their_order_and_the_page_follows_each(finished, tmp_path, capsys):
    def variants(options, output_dir):
        yield Variant("first", "the first", None)
        yield Variant(f"after-{len(finished)}", "depends on the first", None, range(3))

    status = study.run_study(
        options(tmp_path), "name", variants, lambda options, folder: f"{len(finished)} in {folder.name}", "page.md"
    )
    assert status == 0
    assert finished == [("first", None), ("after-1", range(3))]
    assert (tmp_path / "page.md").read_text() == f"2 in {tmp_path.name}"
    assert capsys.readouterr().out.splitlines()[-1] == f"2 in {tmp_path.name}"


def test_folds_in_the_options_override_those_of_a_variant(finished, tmp_path):
    variants = [Variant("a", "", None), Variant("b", "", None, range(3))]
    study.run_study(options(tmp_path, folds=(1,)), "name", lambda *_: variants, lambda *_: "")
    assert finished == [("a", (1,)), ("b", (1,))]


def test_tables_only_trains_nothing_and_the_folder_has_a_default(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    study.run_study(options(None, tables_only=True), "mine", lambda *_: pytest.fail("trained"), lambda *_: "page")
    assert (tmp_path / "runs" / "mine" / "tables.md").read_text() == "page"


def test_the_rows_of_a_study_have_one_precision(finished, tmp_path):
    assert study._precision(tmp_path) == "auto"
    for name, model, precision in (
        ("a", "chen2018-3d", "mixed_bfloat16"),
        ("elm", "han2014-dnn-elm", "float32"),
        ("own", "a system that is not installed", "float32"),
    ):
        settings = {"model": model, "recipe": {"precision": precision}}
        (tmp_path / name).mkdir()
        files.write_sealed_json(tmp_path / name / "experiment.json", {"settings": settings})
    given = []
    study.run_study(options(tmp_path), "name", lambda chosen, _: given.append(chosen.precision) or [], lambda *_: "")
    study.run_study(
        options(tmp_path, precision="float32"),
        "name",
        lambda chosen, _: given.append(chosen.precision) or [],
        lambda *_: "",
    )
    assert given == ["mixed_bfloat16", "float32"]


def test_choices_keep_their_order_and_unknown_ones_are_refused():
    assert study.chosen("only", None, ("a", "b")) == ["a", "b"]
    assert study.chosen("only", ("c", "a"), ("a", "b", "c")) == ["a", "c"]
    with pytest.raises(FieldError, match="only d: not in the tables; choose from a, b") as caught:
        study.chosen("only", ("d",), ("a", "b"), "not in the tables")
    assert caught.value.field == "only"
