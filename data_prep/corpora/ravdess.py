"""RAVDESS speech: 24 actors, two English statements, eight emotions, 1440 recordings.

Licence: CC BY-NC-SA 4.0; the data and networks trained on them are for non-commercial use. Citation: S. R. Livingstone,
F. A. Russo: The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS). PLoS ONE 13(5), 2018, e0196391.

Counts: neutral 96, the other emotions 192 each, 60 recordings of each speaker. One recording was published under two ids,
03-01-03-01-02-01-07 and 03-01-03-01-02-02-07; the second id is left out, so that 1439 recordings remain, 191 of happiness.
Odd speakers are male, even ones female. There are no sessions and no standard split.

The file name has seven numbers: modality (01 video with sound, 02 video, 03 sound), channel (01 speech, 02 song), emotion,
intensity (01 normal, 02 strong; neutral is never strong), statement, repetition and speaker. Songs and videos are left out.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from pathlib import Path

from data_prep.corpora.base import Corpus, ReadOptions, Utterance
from data_prep.corpora.file_names import sound_files, subsets_of, without_copies

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
INTENSITIES = {"01": "normal", "02": "strong"}
STATEMENTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
REPEATED = {"03-01-03-01-02-02-07": "03-01-03-01-02-01-07"}  # id left out → id of the same recording
SUFFIXES = frozenset({".wav", ".flac", ".mp4"})

_FILE_NAME = re.compile(
    r"(?P<modality>0[1-3])-(?P<channel>0[12])-(?P<emotion>0[1-8])-(?P<intensity>0[12])-(?P<statement>0[12])-"
    r"(?P<repetition>0[12])-(?P<speaker>0[1-9]|1\d|2[0-4])"
)
_SPEECH = ("03", "01")  # modality and channel


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Returns the spoken utterances of RAVDESS at any depth below data_dir, as .wav or .flac files.

    A second file with the same id and bytes is left out: the common download holds all recordings again in the folder
    `audio_speech_actors_01-24`. A warning states the number of songs and videos that are left out. The id
    ("03-01-03-02-01-01-12") contains the intensity; see `intensity_of`.

    Raises:
        FileNotFoundError: no sound file has a name of RAVDESS speech.
        ValueError: the name of a sound file is not one of RAVDESS.
    """
    paths = without_copies({path: path.stem for path in sound_files(data_dir, SUFFIXES)})
    matches = {path: _match(path) for path in paths}
    speech = [path for path in paths if matches[path].group("modality", "channel") == _SPEECH]
    if not speech:
        raise FileNotFoundError(
            f"{data_dir}: no sound file such as 03-01-06-01-02-01-12.wav here or in a folder below; unpack "
            f"Audio_Speech_Actors_01-24.zip from {CORPUS.homepage} there"
        )
    if others := Counter(_kind(matches[path]) for path in paths if path not in set(speech)):
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
        warnings.warn(f"{data_dir}: left out, since they are no speech recordings: {counted}", stacklevel=2)
    ids = {path.stem for path in speech}
    return [_utterance(path, matches[path]) for path in speech if REPEATED.get(path.stem) not in ids]


def intensity_of(utterance_id: str) -> str:
    """Returns "normal" or "strong".

    Raises:
        ValueError: the id is not one of RAVDESS.
    """
    if not (match := _FILE_NAME.fullmatch(utterance_id)):
        raise ValueError(f"{utterance_id!r}: not a RAVDESS id such as 03-01-06-01-02-01-12")
    return INTENSITIES[match["intensity"]]


def _match(path: Path) -> re.Match[str]:
    match = _FILE_NAME.fullmatch(path.stem)
    if not match or match.group("emotion", "intensity") == ("01", "02"):
        raise ValueError(
            f"{path}: not a RAVDESS file name such as 03-01-06-01-02-01-12.wav (modality 01-03, channel 01-02, emotion "
            "01-08, intensity 01-02 and for neutral 01, statement 01-02, repetition 01-02, speaker 01-24); remove or "
            "rename it"
        )
    return match


def _kind(match: re.Match[str]) -> str:
    return "videos" if match["modality"] != "03" else "songs"


def _utterance(path: Path, match: re.Match[str]) -> Utterance:
    return Utterance(
        id=path.stem,
        path=path,
        speaker=match["speaker"],
        session=match["speaker"],
        emotion=EMOTIONS[match["emotion"]],
        text=STATEMENTS[match["statement"]],
    )


_COUNTS = {
    "anger": 192,
    "calm": 192,
    "disgust": 192,
    "fear": 192,
    "happiness": 192 - len(REPEATED),
    "neutral": 96,
    "sadness": 192,
    "surprise": 192,
}

CORPUS = Corpus(
    name="ravdess",
    title="RAVDESS, the Ryerson audio-visual database of emotional speech and song: speech (1440 files)",
    version="version 1.0.0, audio-only speech",
    licence="CC BY-NC-SA 4.0: data and networks trained on them are for non-commercial use",
    citation=(
        "S. R. Livingstone, F. A. Russo: The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS): "
        "A dynamic, multimodal set of facial and vocal expressions in North American English. PLoS ONE 13(5), 2018, "
        "e0196391"
    ),
    homepage="https://doi.org/10.5281/zenodo.1188976",
    find_utterances=find_utterances,
    subsets=subsets_of(_COUNTS),
    environment_variable="RAVDESS_ROOT",
)
