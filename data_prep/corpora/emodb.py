"""Emo-DB, the Berlin database of emotional speech: ten actors, ten German sentences, seven emotions, 535 recordings.

Licence: CC0 1.0 (audformat edition 1.x) or CC BY 4.0 (2.0). Citation: F. Burkhardt, A. Paeschke, M. Rolfes, W. Sendlmeier,
B. Weiss: A Database of German Emotional Speech. Interspeech 2005, pp. 1517-1520.

Counts: anger 127, boredom 81, disgust 46, fear 69, happiness 71, neutral 79, sadness 62. Only recordings that listeners
recognized and found natural were published, so the classes are unbalanced: speaker 08 has no disgust, 03 and 10 have one
recording of it, and 09 has one of fear. All speakers say the same ten sentences, so that a split by speaker tests on the
sentences of the training part; the protocol sentence-and-speaker-open does not. There are no sessions. A letter at the end
of the file name distinguishes versions of a sentence.
"""

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
# SHA-256 over names and contents of the 535 files in the order of their names; it does not depend on the archive format
CONTENT_SHA256 = "b010440eaf47e825b1e1b4c1ac745df1beb516accea5d31d95b1e627622f59f3"

_FILE_NAME = re.compile(r"(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<emotion>[A-Z])[a-z]?")


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Returns the utterances of Emo-DB: a flat folder, the tree of the original archive, or the audformat edition.

    The file name holds speaker, sentence and emotion in all three ("03a01Fa.wav": speaker 03, sentence a01, happiness,
    version a).

    Raises:
        FileNotFoundError: no folder with sound files.
        ValueError: the name of a sound file is not one of Emo-DB.
    """
    folder = wav_folder(data_dir)
    return [_utterance(path) for path in sorted(folder.glob("*.wav")) if not path.name.startswith("._")]


def wav_folder(data_dir: Path) -> Path:
    """Returns the folder of the sound files: data_dir itself, or `wav` or `emodb/wav` in it.

    Raises:
        FileNotFoundError: none of them has sound files.
    """
    for folder in (data_dir, data_dir / "wav", data_dir / "emodb" / "wav"):
        if any(folder.glob("*.wav")):
            return folder
    raise FileNotFoundError(
        f"{data_dir}: no .wav file here or in its wav/ folder; unpack {ARCHIVE_URL} there, or use the option download"
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
    """Returns the SHA-256 over names and contents of the .wav files in a folder, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.wav")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def download(data_dir: Path) -> Path:
    """Downloads the original archive if the sound files are missing, verifies them and returns data_dir.

    Raises:
        ValueError: the sound files differ from the 535 published ones.
        OSError: the archive cannot be downloaded.
    """
    try:
        folder = wav_folder(data_dir)
    except FileNotFoundError:
        _fetch(data_dir)
        folder = wav_folder(data_dir)
    digest = content_sha256(folder)
    if digest != CONTENT_SHA256:
        raise ValueError(
            f"{folder}: the sound files have SHA-256 {digest} in all, the published ones {CONTENT_SHA256}; "
            "download into another folder, or leave the download out to use these as they are"
        )
    return data_dir


def _fetch(data_dir: Path) -> None:
    """Downloads and unpacks the archive; `download` verifies the contents, since the archive has no published hash."""
    import pooch

    unzip = pooch.Unzip(extract_dir=".")
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
