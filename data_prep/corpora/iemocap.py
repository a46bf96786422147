"""IEMOCAP: ten actors in five sessions, improvised and scripted dialogs in English, 10039 labeled turns.

Licence: issued by USC on request, for research only; the data must not be passed on. Citation: C. Busso et al.: IEMOCAP:
Interactive emotional dyadic motion capture database. Language Resources and Evaluation 42(4), 2008, pp. 335-359.

Counts of neutral, angry, sad and happy turns: 1708, 1103, 1084, 595; among improvised ones 1099, 289, 608, 284. The "merged"
subsets count excited turns as happy, which makes 1636 and 947 happy turns.

The id of a dialog ("Ses01F_impro01") names the actor with the motion-capture markers, not the speaker; the last part of the
id of a turn ("Ses01F_impro01_M003") names the speaker. A few transcripts are not valid UTF-8, and copies made on a Mac contain
resource forks ("._…"), which are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from acrnn.reading import read_bytes
from data_prep.corpora.base import Corpus, ReadOptions, Subset, Utterance

LABELS = ("neu", "ang", "sad", "hap")
SESSIONS = ("1", "2", "3", "4", "5")
RELEASE_FOLDER = "IEMOCAP_full_release"

# "[6.2901 - 8.2357]<TAB>Ses01F_impro01_F000<TAB>neu<TAB>[2.5000, 2.5000, 2.5000]".
# The lines of single raters, which begin with C- and A-, are not used.
_SUMMARY = re.compile(r"\[[\d.]+ - [\d.]+\]\t(?P<utterance>\S+)\t(?P<emotion>\S+)\t\[[^\]]*\]\s*")
# "Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me."
_TRANSCRIPT = re.compile(r"(?P<utterance>Ses\S+) \[[\d.]+-[\d.]+\]:(?P<text>.*)")
_UTTERANCE_ID = re.compile(r"(?P<session>Ses\d\d)[FM]_\w+_(?P<gender>[FM])\w+")


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Returns the labeled turns of the five sessions with the emotion names of the corpus (xxx: the raters disagree).

    Args:
        data_dir: folder of the release (with Session1 … Session5), or the parent folder of IEMOCAP_full_release.
        options: with `allow_partial`, missing sessions and sound files are left out.

    Raises:
        FileNotFoundError: a session, its EmoEvaluation folder or the sound file of a labeled turn is missing.
        ValueError: the id of a turn does not contain the speaker.
    """
    release = release_folder(data_dir)
    utterances = []
    for session in SESSIONS:
        folder = release / f"Session{session}"
        if not (folder / "dialog" / "EmoEvaluation").is_dir() and not options.allow_partial:
            raise FileNotFoundError(
                f"{folder / 'dialog' / 'EmoEvaluation'}: no such folder; complete the copy, or read it without the "
                "session with the option allow_partial"
            )
        for evaluation in _evaluations(folder):
            utterances += _dialog_utterances(folder, session, evaluation, options)
    return utterances


def release_folder(data_dir: Path) -> Path:
    """Returns the folder with the sessions: data_dir itself or IEMOCAP_full_release in it.

    Raises:
        FileNotFoundError: neither has a session.
    """
    for folder in (data_dir, data_dir / RELEASE_FOLDER):
        if any((folder / f"Session{session}").is_dir() for session in SESSIONS):
            return folder
    raise FileNotFoundError(
        f"{data_dir}: no Session1 here or in {RELEASE_FOLDER}/; request the corpus at {CORPUS.homepage} "
        "and name the folder of the release"
    )


def speaker_of(utterance_id: str) -> str:
    """Returns the speaker of a turn: session and sex ("Ses01F_impro01_M003" → "Ses01M").

    Raises:
        ValueError: the id does not have this form.
    """
    match = _UTTERANCE_ID.fullmatch(utterance_id)
    if not match:
        raise ValueError(f"{utterance_id!r}: not an IEMOCAP utterance id such as Ses01F_impro01_M003")
    return match["session"] + match["gender"]


def _evaluations(session_folder: Path) -> list[Path]:
    # glob also returns the resource forks ("._<name>") of copies made on a Mac
    paths = (session_folder / "dialog" / "EmoEvaluation").glob("*.txt")
    return sorted(path for path in paths if not path.name.startswith("."))


def _dialog_utterances(folder: Path, session: str, evaluation: Path, options: ReadOptions) -> Iterator[Utterance]:
    dialog = evaluation.stem  # dialog names differ in length, such as Ses03M_impro05a and Ses05M_script01_1b
    texts = _texts(folder / "dialog" / "transcriptions" / f"{dialog}.txt")
    for line in _lines(evaluation):
        summary = _SUMMARY.fullmatch(line)
        if not summary:
            continue
        utterance_id = summary["utterance"]
        path = folder / "sentences" / "wav" / dialog / f"{utterance_id}.wav"
        if path.is_file():
            yield Utterance(
                id=utterance_id,
                path=path,
                speaker=_speaker(evaluation, utterance_id),
                session=session,
                emotion=summary["emotion"],
                text=texts.get(utterance_id),
            )
        elif not options.allow_partial:
            raise FileNotFoundError(
                f"{path}: no such file, but {evaluation.name} labels it; complete the copy, or leave it out with the "
                "option allow_partial"
            )


def _speaker(evaluation: Path, utterance_id: str) -> str:
    try:
        return speaker_of(utterance_id)
    except ValueError as error:
        raise ValueError(f"{evaluation}: {error}; restore the file from the release") from error


def _texts(path: Path) -> dict[str, str]:
    """Returns utterance id → transcript from a transcription file; empty if the file does not exist."""
    if not path.is_file():
        return {}
    matches = (_TRANSCRIPT.fullmatch(line) for line in _lines(path))
    return {match["utterance"]: match["text"].strip() for match in matches if match}


def _lines(path: Path) -> list[str]:
    # a few transcripts contain bytes of another encoding; a replaced letter is better than no text
    return read_bytes(path, "restore the file from the release").decode("utf-8", errors="replace").splitlines()


def _is_improvised(utterance: Utterance) -> bool:
    return "_impro" in utterance.id


def _subset(*counts: int, merge_excited: bool = False, improvised_only: bool = False) -> Subset:
    return Subset(
        labels=LABELS,
        expected=dict(zip(LABELS, counts, strict=True)),
        merge={"exc": "hap"} if merge_excited else {},
        keep=_is_improvised if improvised_only else lambda utterance: True,
    )


CORPUS = Corpus(
    name="iemocap",
    title="IEMOCAP, the interactive emotional dyadic motion capture database (10039 turns)",
    version="full release",
    licence="USC licence on request, for research only; the data must not be passed on",
    citation=(
        "C. Busso, M. Bulut, C.-C. Lee, A. Kazemzadeh, E. Mower, S. Kim, J. N. Chang, S. Lee, S. S. Narayanan: "
        "IEMOCAP: Interactive emotional dyadic motion capture database. Language Resources and Evaluation 42(4), 2008, "
        "pp. 335-359"
    ),
    homepage="https://sail.usc.edu/iemocap/",
    find_utterances=find_utterances,
    # "merged" counts excited turns as happy
    subsets={
        "improvised-4": _subset(1099, 289, 608, 284, improvised_only=True),
        "improvised-4-merged": _subset(1099, 289, 608, 284 + 663, merge_excited=True, improvised_only=True),
        "all-4": _subset(1708, 1103, 1084, 595),
        "all-4-merged": _subset(1708, 1103, 1084, 595 + 1041, merge_excited=True),
    },
    environment_variable="IEMOCAP_ROOT",
)
