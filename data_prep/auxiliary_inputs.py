"""What accompanies the sound, as the options of the command line say: texts, speaker embeddings, word vectors."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from acrnn import files, records, vector_tables
from acrnn.errors import UsageError
from acrnn.progress import ProgressLine
from acrnn.records.auxiliary_inputs import SPEAKER_EMBEDDINGS, TRANSCRIPTS, WORD_VECTORS
from acrnn.text import tokens, transcripts
from data_prep import speaker_embeddings, word_vectors
from data_prep.answer_cache import Ask, computed
from data_prep.corpora.base import Selection, Utterance
from data_prep.transcripts.engines import ENGINES, SAMPLE_RATE_HZ
from data_prep.transcripts.error_rate import word_error_rate

OPTIONS = ("transcripts", "asr", "speaker_embeddings", "speaker_model", "word_vectors")


class NoTextsError(UsageError):
    """Word vectors are given, and no utterance has a text."""


@dataclass(frozen=True)
class Accompanied:
    """A selection with its auxiliary_inputs.

    Attributes:
        selection: with the texts that are to be used.
        entries: for the records' manifest, see `records.Manifest.companions`.
        contents: what lies beside the shards: bytes by file name.
    """

    selection: Selection
    entries: dict[str, dict] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)

    def with_text(self, texts: Mapping[str, str], entry: dict) -> Accompanied:
        """The same with other texts, by utterance id."""
        said = tuple(replace(one, text=texts.get(one.id, "")) for one in self.selection.utterances)
        return replace(
            self, selection=replace(self.selection, utterances=said), entries={**self.entries, TRANSCRIPTS: entry}
        )

    def with_table(self, name: str, table: Mapping[str, np.ndarray], entry: dict) -> Accompanied:
        """The same with a table of vectors beside the shards."""
        file, content = f"{name}.npz", vector_tables.to_npz(table)
        size = len(next(iter(table.values())))
        entry = {
            "file": file,
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": size,
            "count": len(table),
            **entry,
        }
        return replace(self, entries={**self.entries, name: entry}, contents={**self.contents, file: content})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `accompany` reads."""
    group = parser.add_argument_group("beside the sound (for systems that take more than sound)")
    text = group.add_mutually_exclusive_group()
    text.add_argument("--transcripts", type=Path, help="texts to use instead of the corpus': CSV, TSV, JSON or CTM")
    text.add_argument("--asr", choices=ENGINES, help="recognize the texts instead; what was recognized is kept")
    group.add_argument("--asr-model", type=Path, help="folder of the recogniser's model (pocketsphinx brings one)")
    group.add_argument("--asr-language", default="en", help="that is spoken (default: %(default)s)")
    who = group.add_mutually_exclusive_group()
    who.add_argument("--speaker-embeddings", type=Path, help="x-vectors by utterance: Kaldi .scp or .ark, or .npz")
    who.add_argument("--speaker-model", type=Path, help="ONNX model that computes them of waveforms at 16 kHz")
    group.add_argument("--word-vectors", type=Path, help="pretrained vectors as text, such as glove.6B.300d.txt")


def accompany(selection: Selection, options: argparse.Namespace, out: Path, jobs: int = 1) -> Accompanied:
    """A selection with the companions that the options name.

    Args:
        selection: of a corpus.
        options: of `add_arguments`.
        out: folder of the record set; what slow programs said is kept there, so that an interrupted call goes on.
        jobs: processes for these.

    Raises:
        UsageError: options do not go together; a NoTextsError if it is word vectors and no texts.
        FileNotFoundError, ValueError, ImportError: a file or a model cannot be used.
    """
    if options.asr_model and not options.asr:
        raise UsageError(f"--asr-model {options.asr_model}: it goes with --asr only; leave it out")
    found = Accompanied(selection)
    if options.transcripts or options.asr:
        found = _transcribed(found, options, out, jobs)
    if options.speaker_embeddings or options.speaker_model:
        found = _with_speakers(found, options, out, jobs)
    if options.word_vectors:
        found = _with_word_vectors(found, options.word_vectors, out)
    return found


def _transcribed(found: Accompanied, options: argparse.Namespace, out: Path, jobs: int) -> Accompanied:
    utterances = found.selection.utterances
    if options.transcripts:
        origin = (
            f"{options.transcripts.name} ({files.sha256_of_file(options.transcripts)[:12]})"
            if options.transcripts.is_file()
            else ""
        )
        texts = _texts_of_file(options.transcripts, utterances)
    else:
        make = partial(_engine, options.asr, options.asr_model, options.asr_language)
        origin = make().description  # a wrong model is told before the work
        with ProgressLine(f"transcribing by {options.asr}", "utterances") as line:
            texts = computed(
                utterances, origin, partial(_transcriber, make), out / "asr.jsonl", SAMPLE_RATE_HZ, jobs, line.update
            )
    compared = [(one.text, texts[one.id]) for one in utterances if one.id in texts and tokens.words(one.text or "")]
    rate, missing = word_error_rate(compared), len(utterances) - len(texts)
    entry = {
        "origin": origin,
        "empty": sum(not text for text in texts.values()),
        **({"missing": missing} if missing else {}),
        "word_error_rate": None if rate is None else round(rate, 4),
        "compared": len(compared),
    }
    told = "the corpus has no texts to compare" if rate is None else f"word error rate {100 * rate:.1f} %"
    left_out = f", {missing} have none and do not count in the rate" if missing else ""
    print(f"transcripts: {origin}; {told}; {entry['empty']} of {len(utterances)} are empty{left_out}")
    return found.with_text(texts, entry)


def _engine(name: str, model: Path | None, language: str):
    return ENGINES[name](model, language)


def _transcriber(make) -> Ask:
    return make().transcribe


def _texts_of_file(path: Path, utterances: Sequence[Utterance]) -> dict[str, str]:
    """Texts by utterance id; a text may also go by the name of the recording, with or without its ending.

    Raises:
        ValueError: none belongs to an utterance, or one goes by a name that more than one recording or part of it has.
    """
    table, ids = transcripts.read(path), {one.id for one in utterances}
    fitting: dict[str, list[str]] = {}  # utterances by name in the table
    for one in utterances:
        for name in {one.id, *({one.path.name, one.path.stem} - ids)} & table.keys():
            fitting.setdefault(name, []).append(one.id)
    texts = {}
    for one in utterances:
        for name in (one.id, one.path.name, one.path.stem):
            if one.id in fitting.get(name, ()):
                _check_one(path, name, fitting[name])
                texts[one.id] = table[name]
                break
    if not texts:
        raise ValueError(
            f"{path}: none of its {len(table)} names ({next(iter(table))} …) is an utterance's id "
            f"({utterances[0].id} …) or file; name them so"
        )
    return texts


def _check_one(path: Path, name: str, fitting: Sequence[str]) -> None:
    if len(fitting) > 1:
        raise ValueError(
            f"{path}: {name!r} names the recordings of {len(fitting)} utterances ({', '.join(fitting[:3])} …); "
            "give each a text of its own by its id"
        )


def _with_speakers(found: Accompanied, options: argparse.Namespace, out: Path, jobs: int) -> Accompanied:
    utterances, path = found.selection.utterances, options.speaker_embeddings or options.speaker_model
    if options.speaker_embeddings:
        table = speaker_embeddings.of_table(path, utterances)
    else:
        with ProgressLine("embedding speakers", "utterances") as line:
            table = speaker_embeddings.of_model(path, utterances, out / "speaker_model.jsonl", jobs, line.update)
    speaker_embeddings.one_size(table, str(path))
    return found.with_table(SPEAKER_EMBEDDINGS, table, {"origin": path.name})


def _with_word_vectors(found: Accompanied, path: Path, out: Path) -> Accompanied:
    """Vectors of all words of the texts: which of them a network learns, the training part of a fold decides."""
    words = sorted({word for one in found.selection.utterances for word in tokens.words(one.text or "")})
    if not words:
        raise NoTextsError(
            f"--word-vectors {path}: the utterances have no texts; give some with --transcripts or --asr"
        )
    if not path.is_file():
        raise FileNotFoundError(f"--word-vectors {path}: no such file; give a text file such as glove.6B.300d.txt")
    entry = {
        "origin": path.name,
        "origin_sha256": files.sha256_of_file(path),
        "words": len(words),
        "words_sha256": files.sha256_of_json(words),
    }
    table = _kept_vectors(out, entry) or word_vectors.read(path, words)
    print(f"word vectors: {path.name} has {len(table)} of {len(words)} words")
    return found.with_table(WORD_VECTORS, table, entry)


def _kept_vectors(out: Path, wanted: Mapping) -> dict[str, np.ndarray] | None:
    """Vectors that the record set has already, of the same file and the same words: gigabytes are not read twice."""
    if not (out / records.MANIFEST).is_file():
        return None
    entry = records.RecordSet(out).manifest.auxiliary_inputs.get(WORD_VECTORS, {})
    path = out / entry.get("file", "")
    same = all(entry.get(name) == value for name, value in wanted.items())
    if not same or not path.is_file() or files.sha256_of_file(path) != entry["sha256"]:
        return None
    return vector_tables.read(path)
