"""Evaluation of an exported model on a corpus: its predictions, over shared emotions, with enrolment utterances left out."""

import base64
import csv
import io
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from support.tiny_corpus import TINY_NETWORK

from acrnn.batches.speaker_statistics import enrolment_order
from acrnn.crossval import Experiment, cross_validate
from acrnn.export import version_folder
from acrnn.export.trained_model import TrainedModel
from acrnn.inference import Recognizer
from acrnn.model_card import Card
from acrnn.recipes import Recipe
from acrnn.records.record_set import RecordSet
from acrnn.records.sound_sample import SoundSample
from experiments import evaluate_model as script


@pytest.fixture(scope="module")
def model(tiny_records, tmp_path_factory):
    run, out = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("model") / "tiny" / "1"
    recipe = Recipe(learning_rate=1e-2, batch_size=8, epochs=2)
    cross_validate(Experiment(tiny_records, "chen2018-3d", recipe, options=TINY_NETWORK), run, folds=[0], announce=str)
    version_folder.export(TrainedModel.of_run(run, 0), out, formats=("onnx",))
    return out


@pytest.fixture(scope="module")
def recordings(tiny_corpus, tmp_path_factory):
    """The tiny corpus with other names of its speakers, whom the model was not trained on."""
    folder = shutil.copytree(tiny_corpus, tmp_path_factory.mktemp("others") / "corpus")
    table = folder / "manifest.csv"
    table.write_text(re.sub(r",s(\d)$", r",t\1", table.read_text(), flags=re.MULTILINE))
    return folder


def test_a_model_is_not_tested_on_the_speakers_that_it_was_trained_on(model, tiny_corpus, recordings, tmp_path, capsys):
    command = ["--model", str(model), "--dataset", "manifest", "--output-dir", str(tmp_path / "out"), "--data-dir"]
    assert script.main([*command, str(tiny_corpus)]) == 2
    assert "--model tiny: it was trained on the same corpus (corpus), so that its figures" in capsys.readouterr().err
    assert script.main([*command, str(tiny_corpus), "--name", "other"]) == 2
    assert "it was trained on the speakers s2, s3, s4, who" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert script.main([*command, str(recordings), "--map-labels", "noisy=hissing"]) == 0


def test_a_model_is_not_tested_on_sounds_that_it_was_trained_on_whatever_their_names(
    model, tiny_records, recordings, tmp_path, capsys
):
    copy = shutil.copytree(model, tmp_path / "tiny" / "1")
    sounds = SoundSample.of([RecordSet(tiny_records).sounds.sha256[name] for name in ("s0_high_0", "s4_low_1")])
    replace(Card.read(copy), sounds=sounds.to_dict()).write(copy)
    command = ["--model", str(copy), "--dataset", "manifest", "--name", "mine", "--map-labels", "noisy=hissing"]
    assert script.main([*command, "--data-dir", str(recordings), "--output-dir", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert "--model tiny: it was trained on 2 of these" in message and "s0_high_0.wav" in message
    assert not (tmp_path / "out").exists()


@pytest.fixture
def command(model, recordings, tmp_path):
    options = ["--model", str(model), "--dataset", "manifest", "--data-dir", str(recordings / "manifest.csv")]
    return [*options, "--output-dir", str(tmp_path / "out")]


@pytest.fixture(scope="module")
def tested(model, recordings, tmp_path_factory):
    """The folder of an evaluation without enrolment and without sounds."""
    out = tmp_path_factory.mktemp("tested") / "out"
    options = ["--model", str(model), "--dataset", "manifest", "--data-dir", str(recordings / "manifest.csv")]
    assert script.main([*options, "--output-dir", str(out), "--map-labels", "noisy=hissing"]) == 0
    return out


def rows(folder):
    with (folder / "evaluation.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_shared_emotions_of_the_recordings_after_those_of_the_largest_enrolment_are_scored(
    command, model, tiny_corpus, tmp_path, capsys
):
    assert script.main([*command, "--enrol", "0,2", "--map-labels", "noisy=hissing"]) == 0
    page = capsys.readouterr().out
    assert "# tiny on corpus" in page and "recall high" in page and "noisy" not in page and "chance is 50.0" in page
    recognizer, written = Recognizer.load(model, check_speech=False), rows(tmp_path / "out")
    for count in (0, 2):
        own = [row for row in written if row["enrolled"] == str(count)]
        for number in range(5):
            files = sorted(path.stem for path in tiny_corpus.glob(f"s{number}_*.wav"))
            order = enrolment_order(files)
            scored = [row for row in own if row["speaker"] == f"t{number}"]
            assert sorted(row["id"] for row in scored) == sorted(name for name in order[2:] if "noisy" not in name)
            paths = [tiny_corpus / f"{name}.wav" for name in order]
            profile = recognizer.enrol(paths[:count]) if count else None
            first = scored[0]
            expected = recognizer.predict(tiny_corpus / f"{first['id']}.wav", speaker=profile).probabilities
            share = expected["high"] / (expected["high"] + expected["low"])
            assert float(first["high"]) == pytest.approx(share, abs=2e-6)
    content = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    confusion = np.array(content["results"][0]["confusion"])
    assert confusion.sum() == len([row for row in written if row["enrolled"] == "0"])
    right = sum(
        row["emotion"] == max(("high", "low"), key=lambda name: float(row[name])) for row in written[: confusion.sum()]
    )
    assert np.trace(confusion) == right


def test_a_corpus_without_shared_emotions_and_an_enrolment_of_everything_are_refused(command, capsys):
    assert script.main([*command, "--map-labels", "high=a,low=b,noisy=c"]) == 2
    assert "fewer than two in common" in capsys.readouterr().err
    assert script.main([*command, "--enrol", "99"]) == 2
    assert "--enrol 99: no utterance is left to score; choose fewer" in capsys.readouterr().err
    command[1] = "acrnn_emodb"
    with pytest.raises(SystemExit):
        script.main([*command, "--map-labels", "high"])


def report(folder):
    return (folder / "report.html").read_text()


def test_the_report_holds_the_scores_the_figures_and_the_speakers_and_no_sound(tested):
    page, written = report(tested), rows(tested)
    (result,) = json.loads((tested / "evaluation.json").read_text())["results"]
    recalls = np.diagonal(result["confusion"]) / np.sum(result["confusion"], axis=1)
    assert f"<b>{100 * recalls.mean():.1f} %</b>interval" in page and "<b>50.0 %</b>UAR of guesses" in page
    assert "20 utterances of 5 speakers" in page and "in common: high, low." in page
    assert "Utterances of other emotions are not scored: hissing (10)." in page
    assert "those of the model alone: noisy." in page
    hits = [row for row in written if row["speaker"] == "t1" and recognized(row) == row["emotion"]]
    shares = [sum(row["emotion"] == name for row in hits) / 2 for name in ("high", "low")]
    cells = "".join(f"<td>{100 * share:.0f}</td>" for share in shares)
    assert f"<tr><td>t1</td>{cells}<td>{50 * sum(shares):.1f}</td><td>4</td></tr>" in page
    figures = ["confusion", "corpus", "embeddings", "speakers"]
    assert sorted(path.stem for path in tested.glob("*.png")) == figures and page.count("image/png;base64,") == 4
    assert "t-SNE of the embeddings of 20 utterances: 8 values each" in page
    assert "audio" not in page and "t1_high" not in page and "s1_high_0" not in page


def recognized(row):
    return max(("high", "low"), key=lambda name: float(row[name]))


def test_on_request_the_most_confident_errors_can_be_heard(command, recordings, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("acrnn.reports.error_sounds.LONGEST_SECONDS", 0.7)
    # every recording has the emotion of another one, so that there are errors whatever the model has learned
    assert script.main([*command, "--map-labels", "high=low,low=high,noisy=hissing", "--error-sounds", "3"]) == 0
    page, written = report(tmp_path / "out"), rows(tmp_path / "out")
    wrong = [row for row in written if recognized(row) != row["emotion"]]
    wrong.sort(key=lambda row: (-float(row[recognized(row)]), row["id"]))
    shown = re.findall(
        r'<tr><td>(\w+)\.wav</td><td>(\w+)</td><td>(\w+)</td>\n<td>(\w+)<br>[^"]*"note">[^"]*</td>\n<td><audio[^>]*base64,([^"]*)"',
        page,
    )
    assert len(shown) == min(3, len(wrong)) > 0 and f"{len(shown)} of {len(wrong)} errors among 20 recordings" in page
    for (name, speaker, emotion, answer, sound), row in zip(shown, wrong, strict=False):
        assert (name, speaker, emotion, answer) == (row["id"], row["speaker"], row["emotion"], recognized(row))
        training_overlap, rate = soundfile.read(io.BytesIO(base64.b64decode(sound)))
        expected, _ = soundfile.read(recordings / f"{name}.wav")
        assert (
            rate == 16000
            and np.allclose(training_overlap, expected[:11200], atol=1e-4)
            and len(training_overlap) <= 11200
        )


def test_utterances_that_are_parts_of_files_are_cut_out(command, tested, recordings, tmp_path, capsys):
    alone = [row for row in rows(tested) if row["speaker"] in ("t0", "t1")]
    lines, sounds, place = ["id,path,label,speaker,start,end"], [], 0
    for row in alone:
        sound, _ = soundfile.read(recordings / f"{row['id']}.wav")
        times = f"{place / 16000},{(place + len(sound)) / 16000}"
        lines.append(f"{row['id']},long.wav,{row['emotion']},{row['speaker']},{times}")
        sounds.append(sound)
        place += len(sound)
    soundfile.write(tmp_path / "long.wav", np.concatenate(sounds), 16000)
    (tmp_path / "parts.csv").write_text("\n".join(lines) + "\n")
    command[command.index("--data-dir") + 1] = str(tmp_path / "parts.csv")
    command[command.index("--output-dir") + 1] = str(tmp_path / "parts")
    assert script.main([*command, "--error-sounds", "1"]) == 0
    for expected, row in zip(alone, rows(tmp_path / "parts"), strict=True):
        assert row["id"] == expected["id"] and float(row["high"]) == pytest.approx(float(expected["high"]), abs=1e-4)


def test_too_many_sounds_and_the_folder_of_an_experiment_are_refused(command, tmp_path, capsys):
    assert script.main([*command, "--error-sounds", "51"]) == 2
    assert "--error-sounds 51: choose up to 50" in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.json").write_text("{}")
    assert script.main(command) == 2
    assert "it holds the results and the report of an experiment" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["results.json"]


def test_a_card_and_a_page_state_that_the_model_was_chosen_by_these_figures(command, model, tmp_path, capsys):
    copy = shutil.copytree(model, tmp_path / "tiny" / "1")
    command = ["--model", str(copy), *command[2:], "--map-labels", "noisy=hissing", "--update-card"]
    for options, count in (([], 0), (["--chosen"], 1)):
        assert script.main([*command, *options]) == 0
        assert capsys.readouterr().out.count(script.CHOSEN) == count
        assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").count(script.CHOSEN) == count
        card = Card.read(copy)
        assert card.evaluations[0].get("chosen", False) == bool(count)
        assert card.markdown().count(script.CHOSEN) == (copy / "README.md").read_text().count(script.CHOSEN) == count
