"""The interface of a corpus: a reader of utterances, licence, citation, and the published counts to check against."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from acrnn.errors import FieldError
from data_prep.corpora.names import (
    prefixed,
    refuse_ambiguous_names,
    refuse_duplicate_ids,
    refuse_unknown_emotions,
    relabeled,
)
from data_prep.corpora.utterance import Utterance

_ALWAYS_ACCEPTED = frozenset(
    {"subset", "map_labels", "drop_labels", "allow_partial", "skip_bad"}
)  # options of every corpus


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
        allow_partial: accept counts that differ from the published ones.
        map_labels: emotion → name that replaces it ({"angry": "anger"}); two can become one.
        drop_labels: emotions whose utterances are left out, by their names before `map_labels`.
        columns: column of the contract → name of the column in a table ({"label": "emotion"}).
        name, licence, citation: name, terms of use and publication of own data; None for the name of the file or folder, and
            for the statements of the corpus.
        skip_bad: leave out sound files whose names do not fit, with a warning.
    """

    subset: str | None = None
    labels: tuple[str, ...] | None = None
    speaker_pattern: str | None = None
    file_pattern: str | None = None
    allow_partial: bool = False
    map_labels: Mapping[str, str] | None = None
    drop_labels: tuple[str, ...] | None = None
    columns: Mapping[str, str] | None = None
    name: str | None = None
    licence: str | None = None
    citation: str | None = None
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
        accepts: fields of `ReadOptions` that the corpus supports, besides those that every corpus has.
        environment_variable: variable with the folder, used if no folder is given (EMODB_ROOT).
        download: folder → folder with the downloaded and verified data; None if the data are only available on request.
        generate: folder → folder with the generated data, for a synthetic corpus.
        reader: key of the registry of a corpus that has a name of its own, see `own.named`; "" if that is its name.
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
    reader: str = ""

    @property
    def is_own(self) -> bool:
        """True for a reader of any data, which have a name of their own and may lie in several places."""
        return "name" in self.accepts


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


def read_corpus(corpus: Corpus, data_dir: Path | Sequence[Path], options: ReadOptions = ReadOptions()) -> Selection:
    """Reads a corpus: finds the utterances, selects, renames and merges emotions, and checks the published counts.

    Args:
        corpus: a corpus, such as one of `data_prep.corpora.CORPORA`.
        data_dir: folder of the corpus (for `manifest`, also the file of the table). For own data, also several of them: ids,
            speakers and sessions then begin with the name of their table or folder, so that equal names stay apart.
        options: subset, labels and so on.

    Raises:
        FileNotFoundError: data_dir or a required file in it does not exist.
        FieldError: the corpus does not support an option, or no utterance has an emotion that an option names.
        ValueError: an id occurs twice; a speaker, session or emotion has no name, or is written in two ways; an emotion is
            unknown, no utterance is left, or the counts differ.
    """
    _refuse_unsupported_options(corpus, options)
    data_dirs = [data_dir] if isinstance(data_dir, Path) else list(data_dir)
    utterances = _find_utterances(corpus, data_dirs, options)
    place = ", ".join(map(str, data_dirs))
    if corpus.subsets:
        refuse_ambiguous_names(utterances, "emotion")
        selection = _relabeled_subset(_select_subset(corpus, utterances, options), options)
    else:
        utterances = _relabeled(utterances, options)
        refuse_ambiguous_names(utterances, "emotion")
        selection = _select_labels(place, utterances, options.labels)
    if not selection.utterances:
        raise ValueError(f"{place}: no utterance of {corpus.title}; check the folder")
    return selection


def _refuse_unsupported_options(corpus: Corpus, options: ReadOptions) -> None:
    for name in (item.name for item in fields(ReadOptions)):
        value = getattr(options, name)
        if value is not None and name not in corpus.accepts | _ALWAYS_ACCEPTED:
            raise FieldError(name, value, f"the corpus {corpus.name!r} does not take it; leave it out")
    if options.subset is not None and options.subset not in corpus.subsets:
        choices = ", ".join(corpus.subsets) or "none"
        raise FieldError("subset", options.subset, f"not a subset of {corpus.name!r}; choose from: {choices}")


def data_name(data_dir: Path) -> str:
    """Returns the name of own data: that of the table without its extension, or that of the folder.

    A table called manifest has the name of its folder.
    """
    path = data_dir.absolute()
    return path.name if path.is_dir() else path.parent.name if path.stem == "manifest" else path.stem


def _find_utterances(corpus: Corpus, data_dirs: Sequence[Path], options: ReadOptions) -> list[Utterance]:
    """Returns the utterances of all tables or folders, sorted by id."""
    if len({data_dir.resolve() for data_dir in data_dirs}) < len(data_dirs):
        raise FieldError("data_dir", data_dirs, "one of them is given twice; name each once")
    names = [data_name(data_dir) for data_dir in data_dirs]
    if len(set(names)) < len(names):
        raise FieldError("data_dir", data_dirs, "two of them have one name, so that their speakers mix; rename one")
    utterances: list[Utterance] = []
    for name, data_dir in zip(names, data_dirs, strict=True):
        if not data_dir.exists():
            raise FileNotFoundError(f"{data_dir}: no such file or folder; it must hold {corpus.title}")
        own = corpus.find_utterances(data_dir, options)
        for field_name in ("speaker", "session"):
            refuse_ambiguous_names(own, field_name)
        utterances += prefixed(own, name) if len(data_dirs) > 1 else own
    refuse_duplicate_ids(utterances)
    return sorted(utterances, key=lambda utterance: utterance.id)


def _relabeled(utterances: Sequence[Utterance], options: ReadOptions) -> list[Utterance]:
    """Returns the utterances with the emotions of `map_labels`, without those of `drop_labels`."""
    renamed, dropped = options.map_labels or {}, options.drop_labels or ()
    refuse_unknown_emotions(utterances, "map_labels", renamed)
    refuse_unknown_emotions(utterances, "drop_labels", dropped)
    return relabeled(utterances, renamed, dropped)


def _relabeled_subset(selection: Selection, options: ReadOptions) -> Selection:
    """Returns a selection with other emotions; its counts are then no longer the published ones."""
    if not options.map_labels and not options.drop_labels:
        return selection
    renamed, dropped = options.map_labels or {}, options.drop_labels or ()
    labels = dict.fromkeys(renamed.get(label, label) for label in selection.labels if label not in dropped)
    return Selection(tuple(_relabeled(selection.utterances, options)), tuple(labels), complete=False)


def _select_subset(corpus: Corpus, utterances: list[Utterance], options: ReadOptions) -> Selection:
    name = options.subset or next(iter(corpus.subsets))
    subset = corpus.subsets[name]
    chosen = [
        utterance
        for utterance in utterances
        if subset.merge.get(utterance.emotion, utterance.emotion) in subset.labels and subset.keep(utterance)
    ]
    kept = tuple(relabeled(chosen, subset.merge))
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
    return Selection(kept, subset.labels, complete=not differing)


def _select_labels(place: str, utterances: list[Utterance], labels: tuple[str, ...] | None) -> Selection:
    emotions = {utterance.emotion for utterance in utterances}
    labels = labels or tuple(sorted(emotions))
    missing = [label for label in labels if label not in emotions]
    if missing:
        raise ValueError(
            f"{place}: no utterance of {', '.join(missing)}; the emotions there are {', '.join(sorted(emotions))}"
        )
    for utterance in utterances:
        if utterance.emotion not in labels:
            raise ValueError(
                f"{utterance.path}: emotion {utterance.emotion!r} is not among the labels {', '.join(labels)}; "
                "add it to the labels, rename it with the option map_labels, or leave it out with the option drop_labels"
            )
    return Selection(tuple(utterances), labels)
