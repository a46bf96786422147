"""The contract every corpus fulfills: a list of utterances, a licence, a citation and counts that must agree."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acrnn.errors import UsageError


@dataclass(frozen=True)
class Utterance:
    """One labeled recording: the unit of scoring.

    Attributes:
        id: unique within the corpus; stays with the utterance into records and results.
        path: the sound file.
        speaker: who speaks, unique across sessions ("03", "Ses01F").
        session: the recording session; the speaker again where a corpus has none.
        emotion: the emotion's name.
        text: what is said, where the corpus knows it.
        start_seconds, end_seconds: the part of the file that belongs to the utterance; None for the file's ends.
        split: the corpus' own part ("train", "validation", "test"), where it prescribes one.
    """

    id: str
    path: Path
    speaker: str
    session: str
    emotion: str
    text: str | None = None
    start_seconds: float | None = None
    end_seconds: float | None = None
    split: str | None = None


@dataclass(frozen=True)
class Subset:
    """A named selection of a corpus, as published protocols define one.

    Attributes:
        labels: the emotions' names; their order is the order of the classes everywhere.
        expected: utterances per emotion after `merge`; any other count is an error.
        merge: emotion → emotion it counts as ({"exc": "hap"}).
        keep: tells which utterances belong to the selection, besides having one of its emotions.
    """

    labels: tuple[str, ...]
    expected: Mapping[str, int]
    merge: Mapping[str, str] = field(default_factory=dict)
    keep: Callable[[Utterance], bool] = lambda utterance: True


@dataclass(frozen=True)
class ReadOptions:
    """What a user may say about reading a corpus; a corpus lists in `accepts` which of them it understands.

    Attributes:
        subset: name of one of the corpus' subsets; None for its first.
        labels: the emotions wanted, in class order, for a corpus without subsets; None for all, sorted by name.
        speaker_pattern: regular expression whose first group, searched in the path below the corpus' folder, is the speaker.
        allow_partial: go on when the counts differ from the published ones.
    """

    subset: str | None = None
    labels: tuple[str, ...] | None = None
    speaker_pattern: str | None = None
    allow_partial: bool = False


@dataclass(frozen=True)
class Corpus:
    """A reader with what one must know about the data it reads.

    Attributes:
        name: the registry's key and the command line's choice.
        title: the corpus in words.
        version: edition of the data; goes into the records' manifest.
        licence, citation, homepage: under which terms, whom to cite, where it comes from.
        find_utterances: (data_dir, options) → every labeled utterance under data_dir, in any order, with the
            corpus' own emotion names; raises FileNotFoundError or ValueError that name file, value and remedy.
        subsets: the named selections; empty for a corpus of one's own, whose labels come from the data.
        accepts: the fields of ReadOptions the corpus understands beside `subset` and `allow_partial`.
        environment_variable: names the folder when the user does not (EMODB_ROOT).
        download: folder → folder with the data, fetched and verified; None where only its owner may hand it out.
        generate: folder → folder with the data, for a corpus that is made and not collected.
    """

    name: str
    title: str
    version: str
    licence: str
    citation: str
    homepage: str
    find_utterances: Callable[[Path, ReadOptions], list[Utterance]]
    subsets: Mapping[str, Subset] = field(default_factory=dict)
    accepts: frozenset[str] = frozenset()
    environment_variable: str | None = None
    download: Callable[[Path], Path] | None = None
    generate: Callable[[Path], Path] | None = None


@dataclass(frozen=True)
class Selection:
    """What `read_corpus` returns: utterances sorted by id, the labels in class order, and whether none is missing."""

    utterances: tuple[Utterance, ...]
    labels: tuple[str, ...]
    complete: bool = True


def locate_data(corpus: Corpus, data_dir: Path | None, download: bool = False, home: Path = Path("data")) -> Path:
    """The corpus' folder: the one given, the one its environment variable names, or one made or fetched on the spot.

    Args:
        corpus: which.
        data_dir: the user's word, if there is one.
        download: fetch the data when they are missing.
        home: where generated and downloaded corpora go, each into a folder of its name.

    Raises:
        UsageError: the user must say where the data are; the message says what to get and how to name it.
    """
    if corpus.generate:
        return corpus.generate(data_dir or home / corpus.name)
    named = os.environ.get(corpus.environment_variable or "")
    folder = data_dir or (Path(named) if named else None)
    if download:
        if corpus.download is None:
            raise UsageError(f"--download: {corpus.title} cannot be fetched; get it from {corpus.homepage}")
        return corpus.download(folder or home / corpus.name)
    if folder is None:
        variable = f" or set {corpus.environment_variable}" if corpus.environment_variable else ""
        offer = "; --download fetches it" if corpus.download else f"; see {corpus.homepage}"
        raise UsageError(f"{corpus.name}: where are the recordings? Pass --data-dir{variable}{offer}")
    return folder


def read_corpus(corpus: Corpus, data_dir: Path, options: ReadOptions = ReadOptions()) -> Selection:
    """Utterances of a corpus, selected, merged and checked against the published counts.

    Args:
        corpus: one of `data_prep.corpora.CORPORA`.
        data_dir: the corpus' folder (for `manifest`, the table's file or its folder).
        options: subset, labels and so on; an option the corpus does not understand is refused.

    Returns:
        The utterances, sorted by id, and the labels in class order.

    Raises:
        FileNotFoundError: data_dir, or a file in it that must be there, does not exist.
        UsageError: the corpus does not take an option.
        ValueError: an id occurs twice, an emotion is unknown, nothing is left, or the counts differ.
    """
    _refuse_foreign_options(corpus, options)
    if not data_dir.exists():
        raise FileNotFoundError(f"{data_dir}: no such file or folder; --data-dir must hold {corpus.title}")
    found = sorted(corpus.find_utterances(data_dir, options), key=lambda utterance: utterance.id)
    _refuse_duplicates(found)
    selection = _select(corpus, found, options) if corpus.subsets else _select_labels(corpus, data_dir, found, options)
    if not selection.utterances:
        raise ValueError(f"{data_dir}: no utterance of {corpus.title} found; check --data-dir")
    return selection


def _refuse_foreign_options(corpus: Corpus, options: ReadOptions) -> None:
    for name in ("labels", "speaker_pattern"):
        if getattr(options, name) is not None and name not in corpus.accepts:
            raise UsageError(f"--{name.replace('_', '-')}: the corpus {corpus.name!r} does not take it; leave it out")
    if options.subset is not None and options.subset not in corpus.subsets:
        choices = ", ".join(corpus.subsets) or "none"
        raise UsageError(f"--subset {options.subset}: not a subset of {corpus.name!r}; choose from: {choices}")


def _refuse_duplicates(utterances: list[Utterance]) -> None:
    first: dict[str, Utterance] = {}
    for utterance in utterances:
        if utterance.id in first:
            raise ValueError(
                f"utterance id {utterance.id!r} occurs twice: {first[utterance.id].path} and {utterance.path}; ids must be unique"
            )
        first[utterance.id] = utterance


def _select(corpus: Corpus, found: list[Utterance], options: ReadOptions) -> Selection:
    name = options.subset or next(iter(corpus.subsets))
    subset = corpus.subsets[name]
    kept = tuple(
        _relabel(utterance, subset.merge)
        for utterance in found
        if subset.merge.get(utterance.emotion, utterance.emotion) in subset.labels and subset.keep(utterance)
    )
    counts = Counter(utterance.emotion for utterance in kept)
    differing = [
        f"{label} {counts[label]} instead of {expected}"
        for label, expected in subset.expected.items()
        if counts[label] != expected
    ]
    if differing and not options.allow_partial:
        raise ValueError(
            f"{corpus.name} subset {name!r}: the counts differ from the published ones: {', '.join(differing)}; "
            "complete the copy, or pass --allow-partial to go on with what is there"
        )
    return Selection(kept, subset.labels, complete=not differing)


def _relabel(utterance: Utterance, merge: Mapping[str, str]) -> Utterance:
    if utterance.emotion not in merge:
        return utterance
    return Utterance(**{**vars(utterance), "emotion": merge[utterance.emotion]})


def _select_labels(corpus: Corpus, data_dir: Path, found: list[Utterance], options: ReadOptions) -> Selection:
    present = {utterance.emotion for utterance in found}
    labels = options.labels or tuple(sorted(present))
    missing = [label for label in labels if label not in present]
    if missing:
        raise ValueError(
            f"{data_dir}: no utterance of {', '.join(missing)}; the emotions there are {', '.join(sorted(present))}"
        )
    for utterance in found:
        if utterance.emotion not in labels:
            raise ValueError(
                f"{utterance.path}: emotion {utterance.emotion!r} is not among the labels {', '.join(labels)}; "
                "correct it, or add it to --labels"
            )
    return Selection(tuple(found), labels)
