"""Emo-DB, the Berlin database of emotional speech (Burkhardt et al. 2005): ten actors, ten sentences, seven emotions."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from data_prep.corpora.base import Corpus, ReadOptions, Subset, Utterance

EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "N": "neutral",
    "T": "sadness",
}
SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
ARCHIVE_URL = "http://emodb.bilderbar.info/download/download.zip"
# SHA-256 over the names and bytes of the 535 files in the order of their names: it verifies what is used, however packed.
CONTENT_SHA256 = "b010440eaf47e825b1e1b4c1ac745df1beb516accea5d31d95b1e627622f59f3"

_FILE_NAME = re.compile(r"(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<emotion>[A-Z])[a-z]?")


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Every utterance in a flat folder, in the original archive's tree or in the audformat edition.

    Speaker, sentence and emotion are read from the file's name, which all three keep ("03a01Fa.wav": speaker 03,
    sentence a01, happiness, version a).
    """
    folder = wav_folder(data_dir)
    return [_utterance(path) for path in sorted(folder.glob("*.wav")) if not path.name.startswith("._")]


def wav_folder(data_dir: Path) -> Path:
    """The folder that holds the sound files: data_dir itself or the `wav` below it."""
    for folder in (data_dir, data_dir / "wav", data_dir / "emodb" / "wav"):
        if any(folder.glob("*.wav")):
            return folder
    raise FileNotFoundError(
        f"{data_dir}: no .wav file here or in its wav/ folder; unpack {ARCHIVE_URL} there, or pass --download to have it done"
    )


def _utterance(path: Path) -> Utterance:
    match = _FILE_NAME.fullmatch(path.stem)
    if not match or match["emotion"] not in EMOTIONS:
        raise ValueError(
            f"{path}: not an Emo-DB file name such as 03a01Fa.wav (emotion letters {''.join(EMOTIONS)}); remove or rename it"
        )
    return Utterance(
        id=path.stem,
        path=path,
        speaker=match["speaker"],
        session=match["speaker"],
        emotion=EMOTIONS[match["emotion"]],
        text=SENTENCES.get(match["sentence"]),
    )


def content_sha256(folder: Path) -> str:
    """SHA-256 over name and bytes of every .wav file in a folder, in the order of the names."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.wav")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def download(data_dir: Path) -> Path:
    """Fetches and unpacks the original archive if no sound file is there, verifies the files and returns data_dir.

    Raises:
        ValueError: the sound files are not the 535 published ones.
        OSError: the archive could not be fetched.
    """
    try:
        folder = wav_folder(data_dir)
    except FileNotFoundError:
        _fetch(data_dir)
        folder = wav_folder(data_dir)
    found = content_sha256(folder)
    if found != CONTENT_SHA256:
        raise ValueError(
            f"{folder}: the sound files have SHA-256 {found} in all, the published ones {CONTENT_SHA256}; "
            "download into another --data-dir, or leave --download out to use these as they are"
        )
    return data_dir


def _fetch(data_dir: Path) -> None:
    import pooch

    unzip = pooch.Unzip(extract_dir=".")
    # The archive's own hash is not published; `download` verifies what is in it.
    pooch.retrieve(ARCHIVE_URL, known_hash=None, path=data_dir, fname="emodb.zip", processor=unzip)


CORPUS = Corpus(
    name="emodb",
    title="Emo-DB, the Berlin database of emotional speech (535 files)",
    version="original release, 16 kHz",
    licence="CC0 1.0 (audformat edition 1.x), CC BY 4.0 (2.0)",
    citation=(
        "F. Burkhardt, A. Paeschke, M. Rolfes, W. Sendlmeier, B. Weiss: A Database of German Emotional Speech. "
        "Interspeech 2005, pp. 1517-1520"
    ),
    homepage="http://emodb.bilderbar.info",
    find_utterances=find_utterances,
    subsets={
        "all": Subset(
            labels=tuple(EMOTIONS.values()),
            expected={
                "anger": 127,
                "boredom": 81,
                "disgust": 46,
                "fear": 69,
                "happiness": 71,
                "neutral": 79,
                "sadness": 62,
            },
        )
    },
    environment_variable="EMODB_ROOT",
    download=download,
)
