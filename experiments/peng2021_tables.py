"""Tables 1 and 2 of Peng et al. (2021), beside the published figures: speech, text, both, ASR text, and the ablation.

    python experiments/peng2021_tables.py --dataset iemocap --data-dir IEMOCAP_full_release --subset all-4-merged \\
        --word-vectors glove.6B.300d.txt --speaker-embeddings xvectors.scp --transcripts asr.csv --seeds 0-2
    python experiments/peng2021_tables.py --dataset toy-bimodal

The corpus' own texts are the ground truth; those of --transcripts or --asr make the rows of recognized text, in a record
set of their own. What is not given – x-vectors, recognized texts – or what the corpus has not, texts, is left out and told.
The same command goes on where a killed one stopped; what is missing shows in the column coverage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from acrnn import files, reports, studies
from acrnn.console import run_job
from acrnn.crossval.results import Results
from acrnn.models import MODELS
from acrnn.records import MANIFEST, RecordSet
from acrnn.reports import comparison, published
from acrnn.studies import Variant
from data_prep.auxiliary_inputs import OPTIONS as COMPANIONS
from data_prep.auxiliary_inputs import NoTextsError
from experiments import arguments

AUDIO, TEXT, SPU, ATT = (f"peng2021-{name}" for name in ("audio", "text", "bimodal", "bimodal-att"))
NO_SPEAKER = {"speaker_embedding_size": 0}
MAX_ONLY = ("max",)
# name of the row → (title, modality, system, what differs)
SPEECH = {
    "audio": ("Audio-CNN", "A", AUDIO, NO_SPEAKER),
    "audio-xvector": ("Audio-CNN-xvector", "A", AUDIO, {}),
}
TRUTH = {
    "text": ("Text-CNN", "T", TEXT, {}),
    "spu": ("MSCNN-SPU", "A+T", SPU, {}),
    "spu-att": ("MSCNN-SPU-ATT", "A+T", ATT, {}),
}
RECOGNIZED = {f"asr-{name}": row for name, row in TRUTH.items()}
ABLATION = {
    "spu-no-xvector": ("w/o x-vectors", "A+T", SPU, NO_SPEAKER),
    "spu-no-text-spu": ("w/o text SPU (maximum alone)", "A+T", SPU, {"text_statistics": MAX_ONLY}),
    "spu-no-swem": ("w/o text SWEM", "A+T", SPU, {"swem": False}),
    "spu-no-audio-spu": ("w/o audio SPU (maximum alone)", "A+T", SPU, {"audio_statistics": MAX_ONLY}),
}
NEED_SPEAKERS = ("audio-xvector", "spu-no-xvector")  # without x-vectors these are other rows once more
COMPARED = (("spu", "audio"), ("spu", "text"), ("spu-att", "spu"), ("asr-spu-att", "spu-att"))


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for usage."""
    options = arguments.parsed(_parser(), given)
    return run_job(lambda: run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_study_arguments(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Runs what is missing of both tables, and writes them."""
    output_dir = options.output_dir or Path("runs", f"peng2021_{arguments.selection_name(options)}")
    if not options.tables_only:
        studies.run(
            variants(options),
            output_dir,
            options.folds,
            options.seeds,
            options.jobs,
            lambda: write(options, output_dir),
        )
    write(options, output_dir)
    print((output_dir / "tables.md").read_text(encoding="utf-8"))
    return 0


def variants(options: argparse.Namespace) -> list[Variant]:
    """The experiments that the options allow; records are prepared if they are not there."""
    truth = settled(options, recognized=False)
    with_speakers = RecordSet(truth.records).manifest.speaker_embedding_size > 0
    rows = {**SPEECH, **TRUTH, **ABLATION} if _has_texts(truth.records) else SPEECH
    made = [_variant(truth, name, row) for name, row in rows.items() if with_speakers or name not in NEED_SPEAKERS]
    if options.transcripts or options.asr:
        heard = settled(options, recognized=True)
        made += [_variant(heard, name, row) for name, row in RECOGNIZED.items()]
    return made


def settled(options: argparse.Namespace, recognized: bool) -> argparse.Namespace:
    """The options with records that are ready, so that no experiment looks at the recordings again.

    Args:
        recognized: with the texts of --transcripts or --asr instead of the corpus'.
    """
    texts = {} if recognized else {"transcripts": None, "asr": None, "asr_model": None}
    chosen = argparse.Namespace(**{**vars(options), **texts})
    folder = _folder(options)
    folder = folder.with_name(f"{folder.name}-asr") if recognized else folder
    try:
        arguments.records_of(chosen, SPU, folder, options.frontend)
    except NoTextsError:
        if recognized:
            raise
        chosen.word_vectors = None  # there are no words for them; recognized ones take them
        arguments.records_of(chosen, SPU, folder, options.frontend)
    looked_at = dict.fromkeys(("data_dir", "subset", "labels", "speaker_pattern", *COMPANIONS))
    return argparse.Namespace(**{**vars(chosen), **looked_at, "download": False, "records": folder})


def _folder(options: argparse.Namespace) -> Path:
    """Of the records with the corpus' own texts."""
    return options.records or Path("records", f"{arguments.selection_name(options)}_{MODELS[SPU].records_name()}")


def _has_texts(folder: Path) -> bool:
    return any(row.text for row in RecordSet(folder).utterances)


def _variant(options: argparse.Namespace, name: str, row: tuple) -> Variant:
    title, _, model, network = row
    return Variant(name, title, arguments.experiment(options, model, **network))


def write(options: argparse.Namespace, output_dir: Path) -> None:
    """Writes tables.md from what is finished."""
    found = studies.finished([*SPEECH, *TRUTH, *RECOGNIZED, *ABLATION], output_dir)
    has_texts = not (_folder(options) / MANIFEST).is_file() or _has_texts(_folder(options))
    header = [
        "",
        "modality",
        "WA",
        "UA, mean over folds",
        "UA, pooled (95 % interval)",
        "published WA / UA",
        "coverage",
    ]

    def table(*groups: Mapping[str, tuple]) -> str:
        rows = [_row(row, found[name]) for group in groups for name, row in group.items() if name in found]
        return reports.markdown(header, rows)

    parts = [
        f"# Peng et al. (2021) on {options.dataset}",
        "In percent, ± the standard deviation over folds; intervals resample speakers. WA: share of utterances that are "
        "right; UA: the average of the classes' recalls (UAR).",
        "\n".join(_notes(found, has_texts)),
        "## Table 1: speech alone",
        table(SPEECH),
        "## Table 1: the corpus' texts",
        table(TRUTH) if has_texts else "The corpus has none.",
        "## Table 1: recognized texts",
        table(RECOGNIZED) if any(name in found for name in RECOGNIZED) else "None given: see --transcripts and --asr.",
        "## Table 2: what each part adds",
        table({name: row for name, row in TRUTH.items() if row[2] != TEXT}, ABLATION)
        if has_texts
        else "It takes the corpus' texts, and there are none.",
        "Paired over test speakers, first minus second, 95 % interval; p by exact sign flips:",
        reports.markdown(["first", "second", "difference in UA points"], _comparisons(found)),
    ]
    files.write_text(output_dir / "tables.md", "\n\n".join(parts) + "\n")


def _notes(found: Mapping[str, Results], has_texts: bool) -> list[str]:
    """What the figures rest on: protocol, x-vectors, texts, word vectors, recognized texts."""
    settings = next(iter(found.values())).settings
    beside = {}
    for one in found.values():  # the corpus' texts first, where there are any
        beside = {**one.settings.auxiliary_inputs, **beside}
    speakers, words = beside.get("speaker_embeddings"), beside.get("word_vectors")
    heard = [one.settings.auxiliary_inputs["transcripts"] for name, one in found.items() if name in RECOGNIZED]
    lines = [
        f"- split: {settings.protocol}; the paper has ten folds of 8/1/1 and does not say that they are by speaker",
        f"- x-vectors: {speakers['origin']}, {speakers['size']} values"
        if speakers
        else "- no x-vectors were given: all rows are without",
        f"- word vectors: {words['origin']}, {words['count']} of {words['words']} words"
        if words
        else "- no word vectors were given: they start at random",
    ]
    if not has_texts:
        lines.append("- the corpus has no texts: the rows that need them, and Table 2, are left out")
    if heard:
        rate = heard[0]["word_error_rate"]
        told = "unknown" if rate is None else f"{reports.percent(rate)} %, 5.8 % in the paper"
        lines.append(f"- recognized texts: {heard[0]['origin']}, word error rate {told}")
    return lines


def _row(row: tuple, found: Results) -> list[str]:
    title, modality, *_ = row
    wa, uar = published.wa(found.settings), published.uar(found.settings)
    return [
        title,
        modality,
        reports.percent(found.overall.wa),
        *reports.uar_cells(found),
        "–" if uar is None else f"{wa.mean:.1f} / {uar.mean:.1f}",
        reports.coverage(found),
    ]


def _comparisons(found: Mapping[str, Results]) -> list[list[str]]:
    return [
        [first, second, studies.difference(studies.compared(found, first, second, comparison.tested_uar))]
        for first, second in COMPARED
        if {first, second} <= found.keys()
    ]


if __name__ == "__main__":
    sys.exit(main())
