"""Pre-training on another corpus: a recording that both corpora have is refused, in whatever form."""

import shutil

import numpy as np
import pytest
import soundfile

from acrnn import files
from acrnn.recipes.initial_weights import InitialWeights
from acrnn.records.record_set import RecordSet
from data_prep.__main__ import main


def noise(seconds, seed):
    """Returns noise whose loudness changes four times a second: float64 [samples] at 16 kHz."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * 16000)) / 16000
    levels = np.interp(4 * time, np.arange(round(4 * seconds) + 2), generator.uniform(0.2, 1, round(4 * seconds) + 2))
    return 0.1 * levels * generator.normal(0, 1, len(time))


def prepared(folder, prefix, sounds, name="take.wav"):
    """Returns the record set of a corpus whose speakers, named after the prefix, have a sound of each emotion."""
    (folder / prefix).mkdir()
    lines = ["path,label,speaker"]
    for number, samples in enumerate(sounds):
        file = f"{number}_{name}"
        soundfile.write(folder / prefix / file, samples, 16000)
        lines.append(f"{file},{('high', 'low')[number % 2]},{prefix}{number // 2}")
    (folder / prefix / "manifest.csv").write_text("\n".join(lines))
    out = folder / f"{prefix}-records"
    assert main(["manifest", "--data-dir", str(folder / prefix), "--out", str(out), "--jobs", "1"]) == 0
    return RecordSet(out)


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("target"), "t", [noise(1.5, seed) for seed in range(4)])


OTHERS = [noise(1.5, seed) for seed in range(10, 13)]


def test_a_corpus_of_other_recordings_is_accepted(target, tmp_path):
    other = prepared(tmp_path, "o", [*OTHERS, noise(1.5, 13)])
    InitialWeights("corpus", other.folder).check(target)


@pytest.mark.parametrize(
    ("file", "samples"),
    [("take.flac", noise(1.5, 1)), ("take.wav", 0.3 * noise(1.5, 1)), ("take.ogg", 0.5 * noise(1.5, 1)[3000:])],
)
def test_a_recording_of_the_target_in_another_form_is_refused(target, tmp_path, file, samples):
    other = prepared(tmp_path, "o", [*OTHERS, samples], file)
    with pytest.raises(
        ValueError, match=r"3_take\..* and 0 other recordings are also in .*files, decoded samples and fing"
    ):
        InitialWeights("corpus", other.folder).check(target)


def test_records_without_sounds_are_compared_by_their_files(target, tmp_path):
    other = prepared(tmp_path, "o", [*OTHERS, noise(1.5, 1)])
    older = shutil.copytree(target.folder, tmp_path / "older")
    manifest = files.read_sealed_json(older / "manifest.json", "")
    del manifest["sounds"]
    files.write_sealed_json(older / "manifest.json", manifest)
    (older / "sounds.npz").unlink()
    assert (
        RecordSet(older).sounds is None and RecordSet(older).manifest.content_sha256 == target.manifest.content_sha256
    )
    with pytest.raises(ValueError, match="checksums of files alone were compared"):
        InitialWeights("corpus", other.folder).check(RecordSet(older))
