"""MELD: turns of conversations in a television series, English, seven emotions, 13708 clips with their texts in three tables.

Licence: GPL-3.0 for the repository with the tables; none is stated for the clips, which are from the series Friends. Counts, all
parts: anger 1607, disgust 361, fear 358, joy (here: happiness) 2308, neutral 6436, sadness 1002, surprise 1636; train 9989,
validation 1109, test 2610. Two neutral clips are always left out: dia110_utt7 of the validation part is missing in the release, and
dia125_utt3 of the training part is damaged in it. The authors' split is prescribed, and its parts share their speakers.

A clip is a video, train_splits/dia0_utt0.mp4, or a sound of the same name converted from it. The release has 132 clips of the test
part twice; those with final_videos_test before the name are the corrected ones. Clips without a row in the tables are not read.

Speakers are the names of characters; "All", "Woman" and the like stand for several people. Sessions are the episodes. The clips
of a dialog overlap in places, as subtitles do.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from acrnn import audio
from acrnn.reading import read_bytes
from data_prep.corpora.base import Corpus, ReadOptions, Utterance
from data_prep.corpora.file_names import sound_files, subsets_of
from data_prep.corpora.names import normalized

EMOTIONS = {name: name for name in ("anger", "disgust", "fear", "neutral", "sadness", "surprise")} | {
    "joy": "happiness"
}
TABLES = {"train": "train_sent_emo.csv", "validation": "dev_sent_emo.csv", "test": "test_sent_emo.csv"}
FOLDERS = {  # folder of clips → part
    "train_splits": "train",
    "train": "train",
    "dev_splits_complete": "validation",
    "dev": "validation",
    "output_repeated_splits_test": "test",
    "test": "test",
}
LEFT_OUT = frozenset({("validation", "dia110_utt7"), ("train", "dia125_utt3")})

_CLIP = re.compile(r"(?P<corrected>final_videos_test)?(?P<name>dia\d+_utt\d+)")
_NUMBERS = ("Dialogue_ID", "Utterance_ID", "Season", "Episode")
_COLUMNS = ("Utterance", "Speaker", "Emotion", *_NUMBERS)
_SOUNDS = (".wav", ".flac")  # preferred to the videos that they were converted from
# letters of Windows that were saved as control characters, such as \x92 for an apostrophe
_WINDOWS = {code: bytes([code]).decode("cp1252", errors="ignore") for code in range(0x80, 0xA0)}

Clip = tuple[str, str]  # part, and name such as dia0_utt0


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Returns the turns of the three tables that have a clip.

    Args:
        data_dir: folder with the tables and the folders of `FOLDERS`, at any depth.
        options: with `allow_partial`, missing tables and clips are left out, with a warning that counts the clips.

    Raises:
        FileNotFoundError: a table or a clip is missing.
        ValueError: a table is damaged.
    """
    clips = _clips(data_dir)
    utterances, missing = [], []
    spellings: dict[str, str] = {}
    for part, row in _rows(data_dir, options):
        clip = part, f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
        if clip in LEFT_OUT:
            continue
        if clip in clips:
            utterances.append(_utterance(clip, clips[clip], row, spellings))
        else:
            missing.append(clip)
    _report_missing(data_dir, missing, options)
    return utterances


def _clips(data_dir: Path) -> dict[Clip, Path]:
    """Returns the file of each clip: a corrected one, or else a sound, or else a video."""
    found: dict[Clip, tuple[tuple, Path]] = {}
    for path in sound_files(data_dir):
        parts = [FOLDERS[name] for name in path.relative_to(data_dir).parts[:-1] if name in FOLDERS]
        if parts and (match := _CLIP.fullmatch(path.stem)):
            clip = parts[-1], match["name"]
            rank = (not match["corrected"], path.suffix.lower() not in _SOUNDS, len(path.parts), path)
            found[clip] = min(found.get(clip, (rank, path)), (rank, path))
    return {clip: path for clip, (_, path) in found.items()}


def _report_missing(data_dir: Path, missing: list[Clip], options: ReadOptions) -> None:
    if not missing:
        return
    part, name = missing[0]
    others = f"; {text}" if (text := audio.left_out(data_dir)) else ""
    counted = f"{data_dir}: no clip for {len(missing)} rows of the tables, such as {name} of the {part} part"
    if not options.allow_partial:
        raise FileNotFoundError(
            f"{counted}; complete the copy, or leave them out with the option allow_partial{others}"
        )
    warnings.warn(f"{counted}; left out", stacklevel=3)


def _rows(data_dir: Path, options: ReadOptions) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yields part and cells of each row of the tables."""
    files = {path.name: path for path in sorted(audio.visible_files(data_dir), reverse=True)}
    if not any(name in files for name in TABLES.values()):
        raise FileNotFoundError(
            f"{data_dir}: none of {', '.join(TABLES.values())} here or in a folder below; get them from {CORPUS.homepage}"
        )
    for part, name in TABLES.items():
        if name in files:
            yield from ((part, row) for row in _table(files[name]))
        elif not options.allow_partial:
            raise FileNotFoundError(
                f"{data_dir}: no {name} here or in a folder below; get it from {CORPUS.homepage}, or leave its part out with "
                "the option allow_partial"
            )


def _table(path: Path) -> Iterator[Mapping[str, str]]:
    reader = csv.DictReader(io.StringIO(_text(path), newline=""))
    if absent := [name for name in _COLUMNS if name not in (reader.fieldnames or ())]:
        raise ValueError(f"{path}: no column {', '.join(absent)}; restore the table from {CORPUS.homepage}")
    for row in reader:
        wrong = [name for name in _NUMBERS if not (row[name] or "").isdecimal()]
        wrong += [] if row["Emotion"] in EMOTIONS else ["Emotion"]
        if wrong:
            raise ValueError(
                f"{path}, line {reader.line_num}, column {wrong[0]}: {row[wrong[0]]!r} is wrong; restore the table from "
                f"{CORPUS.homepage}"
            )
        yield row


def _text(path: Path) -> str:
    content = read_bytes(path, f"restore it from {CORPUS.homepage}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    return text.translate(_WINDOWS)


def _utterance(clip: Clip, path: Path, row: Mapping[str, str], spellings: dict[str, str]) -> Utterance:
    """Returns the utterance of a row; a name of a speaker has the spelling of its first row."""
    speaker = " ".join(row["Speaker"].split())
    return Utterance(
        id="_".join(clip),
        path=path,
        speaker=spellings.setdefault(normalized(speaker), speaker),
        session=f"season {row['Season']} episode {row['Episode']}",
        emotion=EMOTIONS[row["Emotion"]],
        text=row["Utterance"].strip(),
        split=clip[0],
    )


_COUNTS = {
    "anger": 1607,
    "disgust": 361,
    "fear": 358,
    "happiness": 2308,
    "neutral": 6436 - len(LEFT_OUT),
    "sadness": 1002,
    "surprise": 1636,
}

CORPUS = Corpus(
    name="meld",
    title="MELD, the multimodal EmotionLines dataset (13708 clips)",
    version="MELD.Raw",
    licence=(
        "GPL-3.0 for the repository with the tables; none is stated for the clips, which are from a television series: ask before "
        "any use but research"
    ),
    citation=(
        "S. Poria, D. Hazarika, N. Majumder, G. Naik, E. Cambria, R. Mihalcea: MELD: A Multimodal Multi-Party Dataset for "
        "Emotion Recognition in Conversations. ACL 2019, pp. 527-536"
    ),
    homepage="https://github.com/declare-lab/MELD",
    find_utterances=find_utterances,
    subsets=subsets_of(_COUNTS),
    environment_variable="MELD_ROOT",
)
