"""IEMOCAP (Busso et al. 2008): ten actors in five sessions, improvised and scripted dialogs, labeled by the turn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from data_prep.corpora.base import Corpus, ReadOptions, Subset, Utterance

LABELS = ("neu", "ang", "sad", "hap")
SESSIONS = ("1", "2", "3", "4", "5")
RELEASE_FOLDER = "IEMOCAP_full_release"

# "[6.2901 - 8.2357]<TAB>Ses01F_impro01_F000<TAB>neu<TAB>[2.5000, 2.5000, 2.5000]".
# The raters' own lines, which begin with C- and A-, say nothing about the outcome.
_SUMMARY = re.compile(r"\[[\d.]+ - [\d.]+\]\t(?P<utterance>\S+)\t(?P<emotion>\S+)\t\[[^\]]*\]\s*")
# "Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me."
_TRANSCRIPT = re.compile(r"(?P<utterance>Ses\S+) \[[\d.]+-[\d.]+\]:(?P<text>.*)")
_UTTERANCE_ID = re.compile(r"(?P<session>Ses\d\d)[FM]_\w+_(?P<gender>[FM])\w+")


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Every labeled turn of the five sessions, with the corpus' own emotion names (xxx where the raters disagree).

    Args:
        data_dir: the release (it holds Session1 … Session5) or the folder in which IEMOCAP_full_release lies.
        options: with allow_partial, sessions and sound files that are not there are left out.

    Raises:
        FileNotFoundError: a session, its EmoEvaluation folder or the sound file of a labeled turn is not there.
        ValueError: the id of a turn does not tell who speaks.
    """
    release = release_folder(data_dir)
    utterances = []
    for session in SESSIONS:
        folder = release / f"Session{session}"
        if not (folder / "dialog" / "EmoEvaluation").is_dir() and not options.allow_partial:
            raise FileNotFoundError(
                f"{folder / 'dialog' / 'EmoEvaluation'}: no such folder; complete the copy, or pass --allow-partial to "
                "go on without it"
            )
        for evaluation in _evaluations(folder):
            utterances += _dialog_utterances(folder, session, evaluation, options)
    return utterances


def release_folder(data_dir: Path) -> Path:
    """The folder that holds the sessions: data_dir itself or the IEMOCAP_full_release below it."""
    for folder in (data_dir, data_dir / RELEASE_FOLDER):
        if any((folder / f"Session{session}").is_dir() for session in SESSIONS):
            return folder
    raise FileNotFoundError(
        f"{data_dir}: no Session1 here or in {RELEASE_FOLDER}/; request the corpus at {CORPUS.homepage} "
        "and point --data-dir at the release"
    )


def speaker_of(utterance_id: str) -> str:
    """Who speaks: the session and the letter of the last token ("Ses01F_impro01_M003" → "Ses01M").

    Raises:
        ValueError: the id is not built like that.
    """
    match = _UTTERANCE_ID.fullmatch(utterance_id)
    if not match:
        raise ValueError(f"{utterance_id!r}: not an IEMOCAP utterance id such as Ses01F_impro01_M003")
    return match["session"] + match["gender"]


def _evaluations(session_folder: Path) -> list[Path]:
    # Copies made on a Mac carry a resource fork "._<name>" beside every file, which glob returns too.
    paths = (session_folder / "dialog" / "EmoEvaluation").glob("*.txt")
    return sorted(path for path in paths if not path.name.startswith("."))


def _dialog_utterances(folder: Path, session: str, evaluation: Path, options: ReadOptions) -> Iterator[Utterance]:
    # The file's name is the dialog. Counting characters of an id breaks at Ses03M_impro05a and Ses05M_script01_1b.
    dialog = evaluation.stem
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
                f"{path}: no such file, but {evaluation.name} labels it; complete the copy, or pass "
                "--allow-partial to leave it out"
            )


def _speaker(evaluation: Path, utterance_id: str) -> str:
    try:
        return speaker_of(utterance_id)
    except ValueError as error:
        raise ValueError(f"{evaluation}: {error}; restore the file from the release") from error


def _texts(path: Path) -> dict[str, str]:
    """Utterance id → what is said; empty where the dialog has no transcript. Other lines are skipped."""
    if not path.is_file():
        return {}
    matches = (_TRANSCRIPT.fullmatch(line) for line in _lines(path))
    return {match["utterance"]: match["text"].strip() for match in matches if match}


def _lines(path: Path) -> list[str]:
    # A few transcripts hold stray bytes of another encoding; a replaced letter is better than no text.
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


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
    # "merged" counts excited turns as happy ones.
    subsets={
        "improvised-4": _subset(1099, 289, 608, 284, improvised_only=True),
        "improvised-4-merged": _subset(1099, 289, 608, 284 + 663, merge_excited=True, improvised_only=True),
        "all-4": _subset(1708, 1103, 1084, 595),
        "all-4-merged": _subset(1708, 1103, 1084, 595 + 1041, merge_excited=True),
    },
    environment_variable="IEMOCAP_ROOT",
)
