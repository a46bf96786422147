"""The main job from the command line to the report, on a tiny corpus and on a few real recordings."""

import json
import os
import re
import shutil
import zlib
from pathlib import Path

import pytest
from support.long_tests import long_test
from support.networks import SMALL
from support.tiny_corpus import tiny_sound, write_tiny_corpus

from acrnn import cli, files
from acrnn.models import MODELS
from experiments import benchmark, run_cv

QUICK = ["--epochs", "1", "--batch-size", "8", "--no-models", "--balanced-draw", "0"]


@pytest.fixture(scope="module")
def finished(tiny_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiment")
    options = ["--records", str(folder / "records"), "--output-dir", str(folder / "out"), "--folds", "0-1"]
    assert run_cv.main(["--dataset", "manifest", "--data-dir", str(tiny_corpus), *options, *QUICK, "--reduced"]) == 0
    return folder


def test_the_main_job_prepares_trains_and_reports(finished):
    results = json.loads((finished / "out" / "results.json").read_text())
    assert (finished / "records" / "manifest.json").exists()
    assert results["overall"]["coverage"] == {"folds": 2, "seeds": 1, "runs": 2, "planned": 5}
    assert results["settings"]["recipe"]["batch_size"] == 8
    assert results["settings"]["network"]["first_filters"] == MODELS["chen2018-3d"].reduced["first_filters"]
    assert {"confusion.png", "learning_curves.png", "speakers.png", "attention.png"} <= {
        path.name for path in (finished / "out").iterdir()
    }


def test_the_report_is_one_file_with_all_tables_and_figures(finished):
    html = (finished / "out" / "report.html").read_text()
    for title in ("Confusion", "Speakers", "Corpus", "Learning curves", "Attention", "Classes", "Runs", "Settings"):
        assert f"<h2>{title}</h2>" in html
    assert len(re.findall(r'src="data:image/png;base64,', html)) == 5
    assert not re.findall(r'(?:src|href)="(?!data:)', html)
    assert "2 of 5 folds × 1 seed" in html


def test_the_summary_is_a_few_lines(finished, capsys):
    assert cli.main(["summary", str(finished / "out")]) == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) <= 7
    assert "chen2018-3d, 1 conv, reduced network on corpus, leave-one-speaker-out: 2 of 5 folds" in text
    assert "chance UAR is 33.3" in text


def test_a_report_can_be_written_again(finished, tmp_path, capsys):
    copy = shutil.copytree(finished / "out", tmp_path / "copy")
    (copy / "report.html").unlink()
    assert cli.main(["report", str(copy), "--records", str(finished / "records")]) == 0
    assert (copy / "report.html").exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "results.json").unlink(), "holds no results.json of an experiment"),
        (lambda folder: (folder / "results.json").write_text("{}"), "its checksum does not fit"),
        (
            lambda folder: files.write_sealed_json(folder / "results.json", {"format": "shopping list"}),
            "not a results file",
        ),
        (lambda folder: (folder / "results.json").write_text("{"), "damaged, not valid JSON"),
    ],
)
def test_a_folder_without_good_results_is_refused(finished, tmp_path, capsys, damage, message):
    copy = shutil.copytree(finished / "out", tmp_path / "copy")
    damage(copy)
    assert cli.main(["summary", str(copy)]) == 1
    assert message in capsys.readouterr().err


# Variants of the same papers differ in the network alone, which tests/models/test_contract.py trains for every system.
VARIANTS = {
    "chen2018-2d",
    "lim2016-cnn",
    "lim2016-lstm",
    "peng2021-audio",
    "peng2021-text",
    "zhang2021-no-attention",
}


LONG = {
    "chen2018-original",
    "lim2016-tdcnn",
    "peng2021-bimodal",
    "zhang2021-2cnn-lstm",
}  # the command is that of the others
SYSTEMS = [pytest.param(name, marks=[long_test] if name in LONG else []) for name in MODELS if name not in VARIANTS]


@pytest.mark.parametrize("model", SYSTEMS)
def test_every_system_runs_one_fold(model, tiny_corpus, tmp_path):
    options = ["--records", str(tmp_path / "records"), "--output-dir", str(tmp_path / "out"), "--folds", "0"]
    command = ["--dataset", "manifest", "--data-dir", str(tiny_corpus), "--model", model, *options, *QUICK]
    if "image_size" in (small := SMALL[MODELS[model].config]):  # AlexNet as it is would take minutes
        sizes = {**small, "context_frames": 64, "shift_frames": 32}
        command += [f"--network={name}={json.dumps(value)}" for name, value in sizes.items()] + ["--stage2-epochs", "1"]
    assert run_cv.main([*command, *(["--reduced"] if MODELS[model].reduced else [])]) == 0
    assert json.loads((tmp_path / "out" / "results.json").read_text())["settings"]["model"] == model


def test_wrong_usage_ends_with_status_2(tiny_records, capsys):
    for arguments in (
        [],
        ["--dataset", "klingon"],
        ["--dataset", "toy", "--folds", "a-b"],
        ["--dataset", "toy", "--epochs", "0"],
        ["--dataset", "toy", "--model", "alexnet"],
    ):
        with pytest.raises(SystemExit) as stop:
            run_cv.main(arguments)
        assert stop.value.code == 2
    assert run_cv.main(["--dataset", "emodb", "--records", str(tiny_records)]) == 2
    assert "holds 'manifest', not 'emodb'" in capsys.readouterr().err
    for wrong in (["--conv-layers", "9"], ["--dropout", "1.5"], ["--learning-rate", "-1"]):
        assert run_cv.main(["--dataset", "manifest", "--records", str(tiny_records), *wrong]) == 2
        assert wrong[0] in capsys.readouterr().err


def test_records_of_other_recordings_than_those_named_are_refused(finished, tiny_corpus, tmp_path, capsys):
    shared = [
        "--dataset",
        "manifest",
        "--records",
        str(finished / "records"),
        "--output-dir",
        str(finished / "out"),
        "--reduced",
    ]
    assert run_cv.main([*shared, *QUICK, "--folds", "0", "--data-dir", str(tiny_corpus)]) == 0
    assert run_cv.main([*shared, *QUICK, "--data-dir", str(tmp_path / "elsewhere.csv")]) == 1
    assert "elsewhere.csv: no such file" in capsys.readouterr().err
    assert run_cv.main([*shared, *QUICK, "--data-dir", str(tiny_corpus), "--labels", "low,high,noisy"]) == 1
    assert "holds finished records of other recordings or settings" in capsys.readouterr().err


def test_a_failed_job_ends_with_status_1_and_a_line(tmp_path, capsys):
    corpus = write_tiny_corpus(tmp_path / "corpus", speakers=1)
    command = ["--dataset", "manifest", "--data-dir", str(corpus), "--records", str(tmp_path / "records"), *QUICK]
    assert run_cv.main([*command, "--output-dir", str(tmp_path / "out")]) == 1
    assert re.search(r"error: 1 speaker\(s\) \(s0\)", capsys.readouterr().err)


def test_a_folder_of_ones_own_recordings_is_recognized(tmp_path):
    import soundfile

    corpus = tmp_path / "own"
    for emotion in ("high", "low"):
        (corpus / emotion).mkdir(parents=True)
        for speaker in ("anna", "ben", "cleo"):
            for take in range(2):
                soundfile.write(
                    corpus / emotion / f"{speaker}_{take}.flac",
                    tiny_sound(emotion, 0.6, zlib.crc32(f"{speaker}{take}".encode())),
                    16000,
                )
    options = [
        "--records",
        str(tmp_path / "records"),
        "--output-dir",
        str(tmp_path / "out"),
        "--speaker-pattern",
        "([^/_]+)_",
    ]
    assert run_cv.main(["--dataset", "folder", "--data-dir", str(corpus), *options, *QUICK, "--reduced"]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [run["test_speakers"] for run in results["runs"]] == [["anna"], ["ben"], ["cleo"]]


def test_an_iemocap_tree_goes_the_whole_way_with_its_talkers_kept_apart(tmp_path):
    import soundfile
    from support.iemocap_tree import build_iemocap_tree, sample_turns

    def write_sound(path):
        soundfile.write(path, tiny_sound("high", 0.5, zlib.crc32(path.stem.encode())), 16000)

    build_iemocap_tree(tmp_path / "IEMOCAP_full_release", sample_turns(), write_sound)
    options = ["--records", str(tmp_path / "records"), "--output-dir", str(tmp_path / "out"), "--folds", "1"]
    command = ["--dataset", "iemocap", "--data-dir", str(tmp_path), "--allow-partial", "--subset", "all-4-merged"]
    assert run_cv.main([*command, *options, *QUICK, "--reduced", "--protocol", "leave-one-session-out"]) == 0
    (run,) = json.loads((tmp_path / "out" / "results.json").read_text())["runs"]
    assert run["test_speakers"] == ["Ses02F", "Ses02M"]
    assert run["validation_speakers"] == ["Ses03F", "Ses03M"]


@pytest.mark.skipif(
    "EMODB_ROOT" not in os.environ, reason="set EMODB_ROOT to a folder with Emo-DB's wav/ to use real speech"
)
def test_real_speech_goes_the_whole_way(tmp_path):
    source = Path(os.environ["EMODB_ROOT"])
    source = source / "wav" if (source / "wav").is_dir() else source
    (tmp_path / "wav").mkdir()
    for path in source.glob("*.wav"):
        if path.stem[2:5] in ("a01", "b02") and path.stem[5] in "WNT":
            shutil.copy(path, tmp_path / "wav")
    options = ["--records", str(tmp_path / "records"), "--output-dir", str(tmp_path / "out")]
    command = ["--dataset", "emodb", "--data-dir", str(tmp_path), "--allow-partial", "--protocol", "grouped-5-fold"]
    training = ["--reduced", "--folds", "0", "--epochs", "8", "--learning-rate", "0.001"]
    assert run_cv.main([*command, *options, *QUICK, *training]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    curve = results["runs"][0]["curve"]
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]
    assert (
        max(epoch["validation_uar"] for epoch in curve) > 0.5
    )  # of three clear emotions; a test of 11 utterances is noise
    assert results["runs"][0]["test_speakers"] == ["03", "12"]


@long_test  # networks at full size
def test_the_benchmark_prints_a_ratio_for_each_pair(tiny_records, capsys):
    assert benchmark.main(["--records", str(tiny_records), "--repeats", "1", "--parts", "choices"]) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if " / " in line][1:]
    assert [row[0].split(":")[0].split(" (")[0].removeprefix("| ") for row in rows] == [
        *["training step"] * 3,
        "start of a fold",
        "one pass over 35 segments",
    ]
    for row in rows:
        slow, fast, ratio = float(row[1]), float(row[2]), float(row[3].strip(" |"))
        assert slow > 0 and fast > 0 and ratio == pytest.approx(slow / fast, rel=0.05)  # figures are rounded
