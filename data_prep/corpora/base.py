"""The interface of a corpus: a reader of utterances, licence, citation, and the published counts to check against."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from acrnn.errors import FieldError

_NO_NAMES = frozenset({"", "nan", "none", "null", "<na>"})  # cells without a value, as programs write them


@dataclass(frozen=True)
class Utterance:
    """One labeled recording: the unit of scoring.

    Attributes:
        id: name, unique within the corpus; records and results keep it.
        path: sound file.
        speaker: name of the speaker, unique across sessions ("03", "Ses01F").
        session: recording session; equal to the speaker if a corpus has no sessions.
        emotion: name of the emotion.
        text: transcript; None if the corpus has none.
        start_seconds, end_seconds: start and end of the utterance in the file; None for the start and end of the file.
        split: "train", "validation" or "test" if the corpus prescribes a split, else None.
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
    """A named selection of a corpus, as defined by published protocols.

    Attributes:
        labels: names of the emotions; their order is the order of the classes everywhere.
        expected: published number of utterances by emotion, counted after `merge`; another count is an error.
        merge: emotion → emotion that replaces it ({"exc": "hap"}).
        keep: returns True for the utterances of the selection; their emotion must also be one of the labels.
    """

    labels: tuple[str, ...]
    expected: Mapping[str, int]
    merge: Mapping[str, str] = field(default_factory=dict)
    keep: Callable[[Utterance], bool] = lambda utterance: True


@dataclass(frozen=True)
class ReadOptions:
    """Options of reading a corpus; `Corpus.accepts` lists those that a corpus supports.

    Attributes:
        subset: name of one of the subsets; None for the first.
        labels: emotions in class order, for a corpus without subsets; None for all, sorted by name.
        speaker_pattern: regular expression to search in the path of a file, relative to the folder of the corpus; its first
            group is the speaker.
        file_pattern: pattern of the file names, with the fields speaker and emotion; see `file_names.py`.
        map_labels: emotion of the corpus → name to use instead, for any corpus; two can become one.
        allow_partial: accept counts that differ from the published ones.
        skip_bad: leave out sound files whose names do not fit, with a warning.
    """

    subset: str | None = None
    labels: tuple[str, ...] | None = None
    speaker_pattern: str | None = None
    file_pattern: str | None = None
    map_labels: Mapping[str, str] | None = None
    allow_partial: bool = False
    skip_bad: bool = False


@dataclass(frozen=True)
class Corpus:
    """A corpus: its reader and the facts about its data.

    Attributes:
        name: key of the registry and choice on the command line.
        title: description in a few words.
        version: edition of the data; the manifest of the records keeps it.
        licence: terms of use of the data.
        citation: publication to cite.
        homepage: address of the data.
        find_utterances: (data_dir, options) → all labeled utterances under data_dir, in any order, with the emotion names of
            the corpus; raises FileNotFoundError or ValueError with file, value and remedy.
        subsets: named selections; empty if the labels come from the data.
        accepts: which of labels, speaker_pattern and file_pattern in `ReadOptions` the corpus supports.
        environment_variable: variable with the folder, used if no folder is given (EMODB_ROOT).
        download: folder → folder with the downloaded and verified data; None if the data are only available on request.
        generate: folder → folder with the generated data, for a synthetic corpus.
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
    """The utterances of a corpus to prepare.

    Attributes:
        utterances: sorted by id.
        labels: names of the emotions in class order.
        complete: True if the counts are the published ones.
    """

    utterances: tuple[Utterance, ...]
    labels: tuple[str, ...]
    complete: bool = True


def locate_data(corpus: Corpus, data_dir: Path | None, download: bool = False, home: Path = Path("data")) -> Path:
    """Returns the folder of a corpus; generates or downloads the data first if necessary.

    Args:
        corpus: the corpus.
        data_dir: folder of the data; None for the folder in the environment variable of the corpus.
        download: download missing data.
        home: parent folder of generated and downloaded corpora if data_dir is None.

    Raises:
        FieldError: data_dir is missing, or the corpus cannot be downloaded.
    """
    if corpus.generate:
        return corpus.generate(data_dir or home / corpus.name)
    environment_dir = os.environ.get(corpus.environment_variable or "")
    folder = data_dir or (Path(environment_dir) if environment_dir else None)
    if download:
        if corpus.download is None:
            raise FieldError("download", "", f"{corpus.title} cannot be fetched; get it from {corpus.homepage}")
        return corpus.download(folder or home / corpus.name)
    if folder is None:
        variable = f", or set {corpus.environment_variable}" if corpus.environment_variable else ""
        source = "; the option download fetches it" if corpus.download else f"; see {corpus.homepage}"
        raise FieldError("data_dir", "", f"name the folder of {corpus.title}{variable}{source}")
    return folder


def read_corpus(corpus: Corpus, data_dir: Path, options: ReadOptions = ReadOptions()) -> Selection:
    """Reads a corpus: finds the utterances, selects, merges and renames emotions, and checks the published counts.

    Args:
        corpus: a corpus, such as one of `data_prep.corpora.CORPORA`.
        data_dir: folder of the corpus (for `manifest`, also the file of the table).
        options: subset, labels and so on.

    Raises:
        FileNotFoundError: data_dir or a required file in it does not exist.
        FieldError: the corpus does not support an option, or lacks an emotion to rename.
        ValueError: an id occurs twice; a speaker, session or emotion has no name, or is written in two ways; an emotion is
            unknown, no utterance is left, or the counts differ.
    """
    _refuse_unsupported_options(corpus, options)
    if not data_dir.exists():
        raise FileNotFoundError(f"{data_dir}: no such file or folder; it must hold {corpus.title}")
    utterances = sorted(corpus.find_utterances(data_dir, options), key=lambda utterance: utterance.id)
    if not corpus.subsets:
        utterances = _renamed(utterances, options.map_labels or {})
    _refuse_duplicates(utterances)
    for field_name in ("speaker", "session", "emotion"):
        _refuse_ambiguous_names(utterances, field_name)
    selection = (
        _select_subset(corpus, utterances, options)
        if corpus.subsets
        else _select_labels(data_dir, utterances, options.labels)
    )
    if not selection.utterances:
        raise ValueError(f"{data_dir}: no utterance of {corpus.title}; check the folder")
    return selection


def _refuse_unsupported_options(corpus: Corpus, options: ReadOptions) -> None:
    for name in ("labels", "speaker_pattern", "file_pattern"):
        value = getattr(options, name)
        if value is not None and name not in corpus.accepts:
            raise FieldError(name, value, f"the corpus {corpus.name!r} does not take it; leave it out")
    if options.subset is not None and options.subset not in corpus.subsets:
        choices = ", ".join(corpus.subsets) or "none"
        raise FieldError("subset", options.subset, f"not a subset of {corpus.name!r}; choose from: {choices}")


def _refuse_duplicates(utterances: list[Utterance]) -> None:
    first: dict[str, Utterance] = {}
    for utterance in utterances:
        if utterance.id in first:
            raise ValueError(
                f"utterance id {utterance.id!r} occurs twice: {first[utterance.id].path} and {utterance.path}; ids must be unique"
            )
        first[utterance.id] = utterance


def _refuse_ambiguous_names(utterances: list[Utterance], field_name: str) -> None:
    """Refuses names that stand for a missing value, and names that differ in writing only: "01" and "1", "Angry" and "angry".

    Two ways of writing would make two speakers, or two classes, of one.
    """
    first: dict[str, Utterance] = {}
    for utterance in utterances:
        name = getattr(utterance, field_name)
        if name.strip().casefold() in _NO_NAMES:
            raise ValueError(
                f"{utterance.path} ({utterance.id}): its {field_name} is {name!r}, which is no name; write the name, or "
                "leave the utterance out"
            )
        other = first.setdefault(_normalized(name), utterance)
        if (other_name := getattr(other, field_name)) != name:
            raise ValueError(
                f"{field_name} {other_name!r} of {other.path} ({other.id}) and {field_name} {name!r} of {utterance.path} "
                f"({utterance.id}) differ in writing only; write the {field_name} one way, or rename one if they are two"
            )


def _normalized(name: str) -> str:
    """Returns a name without the differences of writing: case, blanks around it, zeros before a number, ".0" after it."""
    name = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return re.sub(r"\d+", lambda digits: digits[0].lstrip("0") or "0", re.sub(r"^(\d+)\.0+$", r"\1", name))


def _select_subset(corpus: Corpus, utterances: list[Utterance], options: ReadOptions) -> Selection:
    name = options.subset or next(iter(corpus.subsets))
    subset = corpus.subsets[name]
    kept = tuple(
        _relabel(utterance, subset.merge)
        for utterance in utterances
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
            "complete the copy, or read it as it is with the option allow_partial"
        )
    names = options.map_labels or {}
    labels = tuple(dict.fromkeys(names.get(label, label) for label in subset.labels))
    return Selection(tuple(_renamed(kept, names)), labels, complete=not differing)


def _renamed(utterances: Sequence[Utterance], names: Mapping[str, str]) -> list[Utterance]:
    emotions = {utterance.emotion for utterance in utterances}
    if missing := [name for name in names if name not in emotions]:
        there = ", ".join(sorted(emotions)) or "none"
        raise FieldError("map_labels", missing, f"no utterance has this emotion; the emotions are: {there}")
    return [_relabel(utterance, names) for utterance in utterances]


def _relabel(utterance: Utterance, merge: Mapping[str, str]) -> Utterance:
    if utterance.emotion not in merge:
        return utterance
    return replace(utterance, emotion=merge[utterance.emotion])


def _select_labels(data_dir: Path, utterances: list[Utterance], labels: tuple[str, ...] | None) -> Selection:
    emotions = {utterance.emotion for utterance in utterances}
    labels = labels or tuple(sorted(emotions))
    missing = [label for label in labels if label not in emotions]
    if missing:
        raise ValueError(
            f"{data_dir}: no utterance of {', '.join(missing)}; the emotions there are {', '.join(sorted(emotions))}"
        )
    for utterance in utterances:
        if utterance.emotion not in labels:
            raise ValueError(
                f"{utterance.path}: emotion {utterance.emotion!r} is not among the labels {', '.join(labels)}; "
                "correct it, or add it to the labels"
            )
    return Selection(tuple(utterances), labels)
