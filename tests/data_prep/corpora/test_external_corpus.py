"""Corpora of other installed packages, by the examples in docs/own_corpus.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from support.corpus_trees import by_id, write_noise, write_ravdess
from support.tiny_corpus import TINY_NETWORK, tiny_sound

from data_prep.arguments import label_map
from data_prep.corpora import folder, manifest
from data_prep.corpora.base import ReadOptions, read_corpus

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "own_corpus.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    """Returns the first code block of a language on the page."""
    return re.search(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)[1]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages with the reader of the page and its entry point."""
    packages = tmp_path / "site"
    metadata = packages / "my_corpus-1.0.dist-info"
    metadata.mkdir(parents=True)
    (packages / "my_corpus.py").write_text(example("python"), encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-corpus\nVersion: 1.0\n")
    group, entries = re.fullmatch(r'\[project\.entry-points\."(.+)"\]\n(.*)', example("toml"), flags=re.DOTALL).groups()
    (metadata / "entry_points.txt").write_text(f"[{group}]\n" + entries.replace('"', ""))
    return packages


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """The recordings that the reader of the page expects."""
    data_dir = tmp_path / "recordings"
    data_dir.mkdir()
    for seed, speaker in enumerate(("anna", "bert", "cleo", "dora")):
        for emotion, sound in (("anger", "high"), ("neutral", "low")):
            for number in (1, 2):
                waveform = tiny_sound(sound, 0.6, 10 * seed + number)
                soundfile.write(data_dir / f"{speaker}_{emotion}_{number}.wav", waveform, 16000)
    return data_dir


def run(site: Path, *arguments: str) -> str:
    """Runs Python in the folder of a user who has installed the packages in a site folder; returns the output."""
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=site.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_installed_corpus_is_prepared_and_trained_on_without_a_change_of_the_library(site, recordings):
    run(site, "-m", "data_prep", "mine", "--data-dir", str(recordings), "--out", "records/mine", "--jobs", "1")
    corpus = json.loads((site.parent / "records" / "mine" / "manifest.json").read_text())["corpus"]
    assert (corpus["name"], corpus["licence"], corpus["subset"]) == ("mine", "CC BY 4.0", "all")
    network = [text for name, value in TINY_NETWORK.items() for text in ("--network", f"{name}={value}")]
    options = ["--records", "records/mine", "--output-dir", "out", "--folds", "0", "--epochs", "1", "--no-models"]
    run(site, str(ROOT / "experiments" / "run_cv.py"), "--dataset", "mine", *options, *network)
    results = json.loads((site.parent / "out" / "results.json").read_text())
    assert [run["test_speakers"] for run in results["runs"]] == [["anna"]]


def test_an_entry_point_gives_its_name_to_the_corpus_and_loads_whichever_module_is_imported_first(site):
    with (site / "my_corpus-1.0.dist-info" / "entry_points.txt").open("a") as file:
        file.write("emodb = my_corpus:CORPUS\nother = my_corpus:CORPUS\nno-corpus = my_corpus:find_utterances\n")
    program = (
        "import warnings\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    import my_corpus\n"
        "    from data_prep.corpora import CORPORA\n"
        "print([CORPORA[name].name for name in ('mine', 'other', 'emodb')], 'no-corpus' in CORPORA)\n"
        "print(CORPORA['emodb'].homepage, *(str(warning.message) for warning in caught), sep='\\n')\n"
    )
    names, homepage, *warnings = run(site, "-c", program).splitlines()
    assert names == "['mine', 'other', 'emodb'] False"
    assert homepage == "http://emodb.bilderbar.info"
    assert len(warnings) == 2
    assert "emodb (my_corpus:CORPUS) of my-corpus has the name of another entry" in warnings[0]
    assert "no-corpus (my_corpus:find_utterances) of my-corpus is a function and not a Corpus" in warnings[1]


def test_the_table_and_the_folders_of_the_page_are_read_as_described(tmp_path):
    (tmp_path / "manifest.csv").write_text(example("csv"), encoding="utf-8")
    for name in ("anna_1", "anna_2", "bert_1"):
        write_noise(tmp_path / "sound" / f"{name}.wav")
    utterances = by_id(read_corpus(manifest.CORPUS, tmp_path))
    assert {key: (utterance.emotion, utterance.speaker) for key, utterance in utterances.items()} == {
        "sound/anna_1": ("anger", "anna"),
        "sound/anna_2": ("neutral", "anna"),
        "sound/bert_1": ("neutral", "bert"),
    }
    assert utterances["sound/anna_1"].text == "Leave me alone."

    for path in re.findall(r"`((?:anger|neutral)/\w+\.wav)`", PAGE):
        write_noise(tmp_path / "recordings" / path)
    write_noise(tmp_path / "recordings" / "neutral" / "anna_1.wav")  # each emotion of more than one speaker
    pattern = re.search(r"--speaker-pattern '(.+?)'", PAGE)[1]
    selection = read_corpus(folder.CORPUS, tmp_path / "recordings", ReadOptions(speaker_pattern=pattern))
    assert [(u.emotion, u.speaker) for u in selection.utterances] == [
        ("anger", "anna"),
        ("neutral", "anna"),
        ("neutral", "bert"),
    ]


def test_the_file_patterns_of_the_page_are_read_as_described(tmp_path):
    own, ravdess, aesdd = re.findall(r"--file-pattern '(.+?)'", PAGE)
    (name,) = re.findall(r"`(anger-\w+\.wav)`", PAGE)
    write_noise(tmp_path / "own" / name)
    (utterance,) = read_corpus(folder.CORPUS, tmp_path / "own", ReadOptions(file_pattern=own)).utterances
    assert (utterance.emotion, utterance.speaker) == ("anger", "anna")
    write_noise(tmp_path / "aesdd" / "anger" / "a03 (4).wav")
    (utterance,) = read_corpus(folder.CORPUS, tmp_path / "aesdd", ReadOptions(file_pattern=aesdd)).utterances
    assert (utterance.emotion, utterance.speaker) == ("anger", "4")

    write_ravdess(tmp_path / "ravdess", ("01",))
    names = label_map(re.search(r"--map-labels (01=\S+)", PAGE)[1])
    selection = read_corpus(folder.CORPUS, tmp_path / "ravdess", ReadOptions(file_pattern=ravdess, map_labels=names))
    assert selection.labels == ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
