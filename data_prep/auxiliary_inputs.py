"""Auxiliary inputs of the recordings, gathered for the records: transcripts, speaker embeddings and word vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from acrnn import files, vector_tables
from acrnn.errors import FieldError
from acrnn.progress import ProgressLine
from acrnn.records.auxiliary_inputs import SPEAKER_EMBEDDINGS, TRANSCRIPTS, WORD_VECTORS
from acrnn.records.manifest import MANIFEST
from acrnn.records.record_set import RecordSet
from acrnn.text import tokens, transcripts
from data_prep import speaker_embeddings, word_vectors
from data_prep.answer_cache import Program, cached_answers
from data_prep.corpora.base import Selection, Utterance
from data_prep.transcripts.engines import ENGINES, SAMPLE_RATE_HZ, Engine
from data_prep.transcripts.error_rate import word_error_rate

# Fields of `Sources` that name a source; the others describe how it is used.
OPTIONS = ("transcripts", "asr", "speaker_embeddings", "speaker_model", "word_vectors")


class NoTextsError(FieldError):
    """Word vectors without any text that they could be used for."""


@dataclass(frozen=True)
class Sources:
    """Sources of the auxiliary inputs; None leaves one out.

    Attributes:
        transcripts: transcript file, whose texts replace those of the corpus.
        asr: key of ENGINES, a speech recognizer whose texts replace those of the corpus; exclusive with transcripts.
        asr_model: folder of the model of the recognizer.
        asr_language: language of the recordings.
        speaker_embeddings: table of speaker embeddings by utterance id.
        speaker_model: ONNX model that computes speaker embeddings; exclusive with speaker_embeddings.
        word_vectors: text file of pretrained word vectors.
    """

    transcripts: Path | None = None
    asr: str | None = None
    asr_model: Path | None = None
    asr_language: str = "en"
    speaker_embeddings: Path | None = None
    speaker_model: Path | None = None
    word_vectors: Path | None = None


@dataclass(frozen=True)
class Recordings:
    """The recordings to prepare: utterances of a corpus and their auxiliary inputs.

    Attributes:
        selection: utterances and labels; the utterances have the texts that go into the records.
        entries: entries for `Manifest.auxiliary_inputs`.
        tables: content of the files to write beside the shards, by file name.
    """

    selection: Selection
    entries: dict[str, dict] = field(default_factory=dict)
    tables: dict[str, bytes] = field(default_factory=dict)

    def with_texts(self, texts: Mapping[str, str], entry: dict) -> Recordings:
        """Returns the recordings with other texts, by utterance id; "" for an utterance without one."""
        utterances = tuple(
            replace(utterance, text=texts.get(utterance.id, "")) for utterance in self.selection.utterances
        )
        selection = replace(self.selection, utterances=utterances)
        return replace(self, selection=selection, entries={**self.entries, TRANSCRIPTS: entry})

    def with_table(self, name: str, table: Mapping[str, np.ndarray], entry: dict) -> Recordings:
        """Returns the recordings with one more table of vectors float32 [size], named as its entry in the manifest."""
        file, content = f"{name}.npz", vector_tables.to_npz(table)
        described = {
            "file": file,
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(next(iter(table.values()))),
            "count": len(table),
            **entry,
        }
        return replace(self, entries={**self.entries, name: described}, tables={**self.tables, file: content})


def gather(selection: Selection, sources: Sources, out: Path, jobs: int = 1) -> Recordings:
    """Gathers the auxiliary inputs of a selection.

    Args:
        selection: utterances of a corpus.
        sources: where the auxiliary inputs come from.
        out: folder of the record set; recognized texts and computed embeddings are cached there, so that an interrupted
            call goes on.
        jobs: number of processes that recognize speech or compute embeddings.

    Raises:
        FieldError: sources do not fit together; a NoTextsError for word vectors without texts.
        FileNotFoundError, ValueError, ImportError: a file or a model cannot be used.
    """
    if sources.asr_model and not sources.asr:
        raise FieldError("asr_model", sources.asr_model, "a model is used with asr only; leave it out")
    recordings = Recordings(selection)
    if sources.transcripts or sources.asr:
        recordings = _with_transcripts(recordings, sources, out, jobs)
    if sources.speaker_embeddings or sources.speaker_model:
        recordings = _with_speaker_embeddings(recordings, sources, out, jobs)
    if sources.word_vectors:
        recordings = _with_word_vectors(recordings, sources.word_vectors, out)
    return recordings


def _with_transcripts(recordings: Recordings, sources: Sources, out: Path, jobs: int) -> Recordings:
    utterances = recordings.selection.utterances
    if sources.transcripts:
        texts, origin = _texts_of_file(sources.transcripts, utterances), _file_origin(sources.transcripts)
    else:
        texts, origin = _recognized_texts(sources, utterances, out, jobs)
    compared = [
        (utterance.text, texts[utterance.id])
        for utterance in utterances
        if utterance.id in texts and tokens.words(utterance.text or "")
    ]
    rate, missing = word_error_rate(compared), len(utterances) - len(texts)
    entry = {
        "origin": origin,
        "empty": sum(not text for text in texts.values()),
        **({"missing": missing} if missing else {}),
        "word_error_rate": None if rate is None else round(rate, 4),
        "compared": len(compared),
    }
    _print_transcripts(entry, rate, len(utterances))
    return recordings.with_texts(texts, entry)


def _print_transcripts(entry: Mapping, rate: float | None, count: int) -> None:
    errors = "the corpus has no texts to compare" if rate is None else f"word error rate {100 * rate:.1f} %"
    missing = f", {entry['missing']} have none and do not count in the rate" if "missing" in entry else ""
    print(f"transcripts: {entry['origin']}; {errors}; {entry['empty']} of {count} are empty{missing}")


def _file_origin(path: Path) -> str:
    return f"{path.name} ({files.sha256_of_file(path)[:12]})"


def _recognized_texts(
    sources: Sources, utterances: Sequence[Utterance], out: Path, jobs: int
) -> tuple[dict[str, str], str]:
    """Recognizes the texts, by utterance id; returns them and a description of the recognizer."""
    make_engine = partial(_engine, sources.asr, sources.asr_model, sources.asr_language)
    origin = make_engine().description  # a model that cannot be used fails here, before the work
    with ProgressLine(f"transcribing by {sources.asr}", "utterances") as line:
        texts = cached_answers(
            utterances,
            origin,
            partial(_transcriber, make_engine),
            out / "asr.jsonl",
            SAMPLE_RATE_HZ,
            jobs,
            line.update,
        )
    return texts, origin


def _engine(name: str, model: Path | None, language: str) -> Engine:
    return ENGINES[name](model, language)


def _transcriber(make_engine) -> Program:
    return make_engine().transcribe


def _texts_of_file(path: Path, utterances: Sequence[Utterance]) -> dict[str, str]:
    """Reads texts, by utterance id; the file may name a recording instead, with or without its ending.

    Raises:
        ValueError: no name fits an utterance, or one fits several, which are recordings of one name or parts of one.
    """
    table = transcripts.read(path)
    names = _names(utterances, table)
    ids_by_name: dict[str, list[str]] = {}
    for utterance_id, candidates in names.items():
        for name in candidates:
            ids_by_name.setdefault(name, []).append(utterance_id)
    for candidates in names.values():
        if candidates:
            _refuse_shared_name(path, candidates[0], ids_by_name[candidates[0]])
    texts = {utterance_id: table[candidates[0]] for utterance_id, candidates in names.items() if candidates}
    if not texts:
        raise ValueError(
            f"{path}: none of its {len(table)} names ({next(iter(table))} …) is an utterance's id "
            f"({utterances[0].id} …) or file; name them so"
        )
    return texts


def _names(utterances: Sequence[Utterance], table: Mapping[str, str]) -> dict[str, list[str]]:
    """Names in the table that fit each utterance, the best first: its id, else its file name, unless that is another's id."""
    ids = {utterance.id for utterance in utterances}
    return {
        utterance.id: [
            name
            for name in dict.fromkeys((utterance.id, utterance.path.name, utterance.path.stem))
            if name in table and (name == utterance.id or name not in ids)
        ]
        for utterance in utterances
    }


def _refuse_shared_name(path: Path, name: str, ids: Sequence[str]) -> None:
    if len(ids) > 1:
        raise ValueError(
            f"{path}: {name!r} names the recordings of {len(ids)} utterances ({', '.join(ids[:3])} …); "
            "give each a text of its own by its id"
        )


def _with_speaker_embeddings(recordings: Recordings, sources: Sources, out: Path, jobs: int) -> Recordings:
    utterances, path = recordings.selection.utterances, sources.speaker_embeddings or sources.speaker_model
    if sources.speaker_embeddings:
        table = speaker_embeddings.from_table(path, utterances)
    else:
        with ProgressLine("embedding speakers", "utterances") as line:
            table = speaker_embeddings.from_model(path, utterances, out / "speaker_model.jsonl", jobs, line.update)
    speaker_embeddings.check_sizes(table, str(path))
    return recordings.with_table(SPEAKER_EMBEDDINGS, table, {"origin": path.name})


def _with_word_vectors(recordings: Recordings, path: Path, out: Path) -> Recordings:
    """Adds the vectors of all words in the texts; which of them a network learns depends on the training part of a fold."""
    words = sorted(
        {word for utterance in recordings.selection.utterances for word in tokens.words(utterance.text or "")}
    )
    if not words:
        raise NoTextsError("word_vectors", path, "the utterances have no texts; give some with transcripts or asr")
    word_vectors.check_exists(path)
    entry = {
        "origin": path.name,
        "origin_sha256": files.sha256_of_file(path),
        "words": len(words),
        "words_sha256": files.sha256_of_json(words),
    }
    table = _stored_word_vectors(out, entry) or word_vectors.read(path, words)
    print(f"word vectors: {path.name} has {len(table)} of {len(words)} words")
    return recordings.with_table(WORD_VECTORS, table, entry)


def _stored_word_vectors(out: Path, expected: Mapping) -> dict[str, np.ndarray] | None:
    """Reads the vectors from a finished record set with the same file and words: gigabytes are not read twice."""
    if not (out / MANIFEST).is_file():
        return None
    entry = RecordSet(out).manifest.auxiliary_inputs.get(WORD_VECTORS, {})
    path = out / entry.get("file", "")
    same = all(entry.get(name) == value for name, value in expected.items())
    if not same or not path.is_file() or files.sha256_of_file(path) != entry["sha256"]:
        return None
    return vector_tables.read(path)
