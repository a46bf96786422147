"""Reproduces Tables 1 and 2 of Peng et al. (2021): speech, text, both, recognized text, and the ablation.

    python experiments/peng2021_tables.py --dataset iemocap --data-dir IEMOCAP_full_release --subset all-4-merged \\
        --word-vectors glove.6B.300d.txt --speaker-embeddings xvectors.scp --transcripts asr.csv --seeds 0-2
    python experiments/peng2021_tables.py --dataset toy-bimodal --audio-kernels 3,5,7 --epochs 15

Expect on the synthetic corpus of the second command, five folds, one seed: UAR 42.1 for speech, 46.7 for text, 74.2 for both
(experiments/results/toy-bimodal_peng2021/tables.md); three minutes a row at most on two cores, 1.2 GiB. IEMOCAP was never run: one
epoch of one fold of all twelve rows took 18 minutes and 4.4 GiB (experiments/results/iemocap_shape.txt); the paper has UA 80.4 for
MSCNN-SPU.

The texts of the corpus are the ground truth; those of --transcripts or --asr make the rows of recognized text, in a record
set of their own. Rows without their input (texts, x-vectors) are left out, and the page says so. Writes tables.md into the
output folder, where each experiment has its own folder. The same command resumes after an interruption.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn import studies
from acrnn.crossval.results import Results
from acrnn.models import MODELS
from acrnn.records.manifest import MANIFEST
from acrnn.records.record_set import RecordSet
from acrnn.reports import published, study_tables
from acrnn.reports.study_tables import COVERAGE, UAR_BY_FOLD, UAR_POOLED, WA, Column, column
from acrnn.reports.tables import CAPTION, percent
from acrnn.studies import Variant
from data_prep.arguments import RECORDING_OPTIONS
from data_prep.auxiliary_inputs import OPTIONS as AUXILIARY_OPTIONS
from data_prep.auxiliary_inputs import NoTextsError
from experiments import arguments, from_options, study

AUDIO, TEXT, SPU, ATT = (f"peng2021-{name}" for name in ("audio", "text", "bimodal", "bimodal-att"))
NO_SPEAKER = {"speaker_embedding_size": 0}
MAX_ONLY = ("max",)


class Row(NamedTuple):
    """One row of the tables: its title, its modalities, its system, and the fields of `Config` that differ."""

    title: str
    modality: str
    model: str
    network: Mapping[str, object]


SPEECH = {
    "audio": Row("Audio-CNN", "A", AUDIO, NO_SPEAKER),
    "audio-xvector": Row("Audio-CNN-xvector", "A", AUDIO, {}),
}
TRUTH = {
    "text": Row("Text-CNN", "T", TEXT, {}),
    "spu": Row("MSCNN-SPU", "A+T", SPU, {}),
    "spu-att": Row("MSCNN-SPU-ATT", "A+T", ATT, {}),
}
RECOGNIZED = {f"asr-{name}": row for name, row in TRUTH.items()}
ABLATION = {
    "spu-no-xvector": Row("w/o x-vectors", "A+T", SPU, NO_SPEAKER),
    "spu-no-text-spu": Row("w/o text SPU (maximum alone)", "A+T", SPU, {"text_statistics": MAX_ONLY}),
    "spu-no-swem": Row("w/o text SWEM", "A+T", SPU, {"swem": False}),
    "spu-no-audio-spu": Row("w/o audio SPU (maximum alone)", "A+T", SPU, {"audio_statistics": MAX_ONLY}),
}
NEED_SPEAKERS = ("audio-xvector", "spu-no-xvector")  # without x-vectors these repeat other rows
COMPARED = (("spu", "audio"), ("spu", "text"), ("spu-att", "spu"), ("asr-spu-att", "spu-att"))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    return arguments.run_script(_parser(), run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = study.study_parser(__doc__)
    arguments.add_experiment_arguments(parser)
    parser.common |= {"--word-vectors", "--speaker-embeddings", "--transcripts", "--asr"}
    return parser


def run(options: argparse.Namespace) -> int:
    """Runs what is missing of both tables, and writes them."""
    return study.run_study(options, f"peng2021_{from_options.selection_name(options)}", variants, page)


def variants(options: argparse.Namespace, output_dir: Path) -> list[Variant]:
    """Returns the experiments for which the records have the inputs; records are prepared if they are missing."""
    truth = with_records(options, is_recognized=False)
    has_speakers = RecordSet(truth.records).manifest.speaker_embedding_size > 0
    rows = {**SPEECH, **TRUTH, **ABLATION} if _has_texts(truth.records) else SPEECH
    experiments = [_variant(truth, name, rows[name]) for name in rows if has_speakers or name not in NEED_SPEAKERS]
    if options.transcripts or options.asr:
        recognized = with_records(options, is_recognized=True)
        experiments += [_variant(recognized, name, row) for name, row in RECOGNIZED.items()]
    return experiments


def with_records(options: argparse.Namespace, is_recognized: bool) -> argparse.Namespace:
    """Prepares the records and returns the options that use them, so that no experiment reads the recordings again.

    Args:
        options: options of the command line.
        is_recognized: use the texts of --transcripts or --asr in the place of the corpus'.
    """
    changed = {} if is_recognized else {"transcripts": None, "asr": None, "asr_model": None}
    options = argparse.Namespace(**{**vars(options), **changed})
    folder = _folder(options)
    folder = folder.with_name(f"{folder.name}-asr") if is_recognized else folder
    try:
        from_options.records_of(options, SPU, folder, options.frontend)
    except NoTextsError:
        if is_recognized:
            raise
        options.word_vectors = None  # the corpus has no words that need them; the recognized texts do
        from_options.records_of(options, SPU, folder, options.frontend)
    used = dict.fromkeys((*RECORDING_OPTIONS, *AUXILIARY_OPTIONS))
    return argparse.Namespace(**{**vars(options), **used, "download": False, "records": folder})


def _folder(options: argparse.Namespace) -> Path:
    """Folder of the records with the corpus' own texts."""
    return options.records or Path("records", f"{from_options.selection_name(options)}_{MODELS[SPU].records_name()}")


def _has_texts(folder: Path) -> bool:
    return any(row.text for row in RecordSet(folder).utterances)


def _variant(options: argparse.Namespace, name: str, row: Row) -> Variant:
    return Variant(name, row.title, from_options.experiment(options, row.model, **row.network))


def page(options: argparse.Namespace, output_dir: Path) -> str:
    """Returns the page of tables of the finished experiments."""
    results = studies.finished([*SPEECH, *TRUTH, *RECOGNIZED, *ABLATION], output_dir)
    has_texts = not (_folder(options) / MANIFEST).is_file() or _has_texts(_folder(options))
    has_recognized = any(name in results for name in RECOGNIZED)
    bimodal = {name: row for name, row in TRUTH.items() if row.model != TEXT}
    parts = [
        f"# Peng et al. (2021) on {options.dataset}",
        f"{CAPTION} WA: share of correct utterances; UA: mean of the classes' recalls (UAR).",
        "\n".join(_notes(results, has_texts)),
        "## Table 1: speech alone",
        _table(results, SPEECH),
        "## Table 1: the corpus' texts",
        _table(results, TRUTH) if has_texts else "The corpus has none.",
        "## Table 1: recognized texts",
        _table(results, RECOGNIZED) if has_recognized else "No recognized texts: see --transcripts and --asr.",
        "## Table 2: gain of each part",
        _table(results, {**bimodal, **ABLATION}) if has_texts else "It needs the corpus' texts, and there are none.",
        study_tables.comparison_table(results, COMPARED, "UA"),
    ]
    return study_tables.page(parts)


def _table(results: Mapping[str, Results], rows: Mapping[str, Row]) -> str:
    columns = (
        Column("modality", lambda name, _: rows[name].modality),
        WA,
        UAR_BY_FOLD.named("UA, mean over folds"),
        UAR_POOLED.named("UA, pooled (95 % interval)"),
        column("published WA / UA", _published),
        COVERAGE,
    )
    finished = {name: results[name] for name in rows if name in results}
    return study_tables.results_table(finished, columns, {name: row.title for name, row in rows.items()})


def _published(results: Results) -> str:
    wa, uar = published.wa(results.settings), published.uar(results.settings)
    return f"{wa.mean:.1f} / {uar.mean:.1f}" if wa and uar else "–"


def _notes(results: Mapping[str, Results], has_texts: bool) -> list[str]:
    """Lines about the conditions of the experiments: split, x-vectors, texts, word vectors, recognized texts."""
    inputs = {}
    for result in results.values():  # the corpus' texts first, if there are any
        inputs = {**result.settings.auxiliary_inputs, **inputs}
    protocol = next(iter(results.values())).settings.protocol
    lines = [f"- split: {protocol}; the paper has ten folds of 8/1/1 and does not say that they are by speaker"]
    if speakers := inputs.get("speaker_embeddings"):
        lines.append(f"- x-vectors: {speakers['origin']}, {speakers['size']} values")
    else:
        lines.append("- no x-vectors were given: all rows are without")
    if words := inputs.get("word_vectors"):
        lines.append(f"- word vectors: {words['origin']}, {words['count']} of {words['words']} words")
    else:
        lines.append("- no word vectors were given: they start at random")
    if not has_texts:
        lines.append("- the corpus has no texts: the rows that need them, and Table 2, are left out")
    transcripts = [results[name].settings.auxiliary_inputs["transcripts"] for name in RECOGNIZED if name in results]
    if transcripts:
        rate = transcripts[0]["word_error_rate"]
        error = "unknown" if rate is None else f"{percent(rate)} %, 5.8 % in the paper"
        lines.append(f"- recognized texts: {transcripts[0]['origin']}, word error rate {error}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
