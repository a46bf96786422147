"""Tests the networks of an experiment on altered recordings: each alteration alone, on the test speakers of every fold.

    python experiments/altered_audio.py --run runs/emodb_reduced --data-dir EMODB

The networks are those that the runs saved; nothing is trained. Writes altered_audio.md and altered_audio.json. Expect for the
reduced 3-D ACRNN on Emo-DB experiments/results/altered_audio/robust/altered_audio.md; one to two minutes a fold on one core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn import audio, files, recipes
from acrnn.batches.speaker_statistics import CORPUS
from acrnn.console import import_quietly, run_job
from acrnn.crossval.results import Results, collect_results
from acrnn.crossval.run import Run
from acrnn.crossval.settings import Settings
from acrnn.crossval.summary import summarize
from acrnn.errors import FieldError
from acrnn.export.trained_model import TrainedModel
from acrnn.progress import ProgressLine
from acrnn.reports import study_tables
from acrnn.reports.comparison import caption
from acrnn.reports.study_tables import UAR_BY_FOLD, UAR_POOLED
from acrnn.reports.tables import CAPTION, coverage, listed_speeds, markdown, percent, system_title, trained
from data_prep.corpora import CORPORA
from data_prep.corpora.base import ReadOptions, locate_data, read_corpus
from experiments.alterations import (
    MP3,
    SAMPLE_RATE_HZ,
    Alteration,
    coded,
    faster,
    full_scale,
    louder,
    narrow,
    noisy,
    padded,
)

FILE, DATA = "altered_audio.md", "altered_audio.json"
UNALTERED = "as recorded"
ALTERATIONS: dict[str, Alteration] = {
    UNALTERED: lambda waveform: waveform,
    "20 dB louder": partial(louder, decibels=20),
    "20 dB louder, clipped at full scale": lambda waveform: full_scale(louder(waveform, 20)),
    "20 dB softer, 16 bits": lambda waveform: full_scale(louder(waveform, -20)),
    "1 s of near-silence at each end": padded,
    "8 kHz and back": narrow,
    "MP3, 64 kbit/s": MP3,
    "Ogg Opus": coded("OGG", "OPUS"),
    "white noise at 20 dB": noisy,
    "white noise at 10 dB": partial(noisy, snr_db=10),
    "10 % faster": partial(faster, speed=1.1),
    "10 % slower": partial(faster, speed=0.9),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(argv)
    return run_job(lambda: run(options), parser)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, metavar="FOLDER", help="experiment with saved networks")
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder of its corpus (default: the corpus' variable)"
    )
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="folder to write (default: the experiment's)")
    return parser


def run(options: argparse.Namespace) -> int:
    """Tests every network on every alteration of its test recordings, and writes and prints the page."""
    import_quietly("keras")
    results = collect_results(options.run)
    paths = sound_files(results, options.data_dir)
    altered: dict[str, list[Run]] = {name: [] for name in ALTERATIONS}
    with ProgressLine("testing", "runs") as line:
        for number, each in enumerate(results.runs):
            for name, tested in altered_runs(options.run, each, paths).items():
                altered[name].append(tested)
            line.update(number + 1, len(results.runs))
    by_name = {name: _with_runs(results, runs) for name, runs in altered.items()}
    output_dir = options.output_dir or options.run
    files.make_folder(output_dir)
    scores = {name: each.overall.to_dict() for name, each in by_name.items()}
    files.write_json(output_dir / DATA, {"settings": results.settings.to_dict(), "alterations": scores})
    files.write_text(output_dir / FILE, page(by_name))
    print(page(by_name))
    return 0


def _with_runs(results: Results, runs: Sequence[Run]) -> Results:
    return replace(results, runs=tuple(runs), overall=summarize(runs, results.settings.labels, results.planned_folds))


def sound_files(results: Results, data_dir: Path | None) -> dict[str, Path]:
    """Returns the sound files of the corpus of an experiment, by the id of the utterance.

    Raises:
        FieldError: the corpus is unknown, its folder is not named, or features depend on more than the recording.
    """
    settings = results.settings
    if settings.corpus.dataset not in CORPORA:
        raise FieldError("run", settings.corpus.dataset, f"this corpus is unknown; choose from {', '.join(CORPORA)}")
    if settings.speaker_statistics != CORPUS:
        raise FieldError("run", settings.speaker_statistics, "its features depend on other recordings of the speaker")
    if settings.frontend.sample_rate_hz != SAMPLE_RATE_HZ:
        raise FieldError("run", settings.frontend.sample_rate_hz, f"alterations are made at {SAMPLE_RATE_HZ} Hz")
    corpus = CORPORA[settings.corpus.dataset]
    options = ReadOptions(subset=settings.corpus.subset, allow_partial=True)
    selection = read_corpus(corpus, locate_data(corpus, data_dir), options)
    return {utterance.id: utterance.path for utterance in selection.utterances}


def altered_runs(folder: Path, run: Run, paths: Mapping[str, Path]) -> dict[str, Run]:
    """Returns a run with the posteriors of its test recordings after each alteration, by the name of the alteration.

    Args:
        folder: folder of the experiment, with the networks.
        run: one of its runs.
        paths: sound files by the id of the utterance.

    Raises:
        FileNotFoundError: the network of the run, or a recording, is missing.
    """
    network = TrainedModel.of_run(folder, run.fold, run.seed)
    if missing := [utterance for utterance in run.utterances if utterance not in paths]:
        raise FileNotFoundError(f"{missing[0]}: no recording of this utterance; complete the copy of the corpus")
    waveforms = [audio.load_waveform(paths[utterance], SAMPLE_RATE_HZ) for utterance in run.utterances]
    altered = {}
    for name, alter in ALTERATIONS.items():
        posteriors = network.posteriors([alter(waveform) for waveform in waveforms])
        altered[name] = replace(run, probabilities=posteriors.tolist(), by_pooling=None, attention=())
    return altered


def page(by_name: Mapping[str, Results]) -> str:
    """Returns the page of an experiment on altered recordings as Markdown."""
    first = by_name[UNALTERED]
    changes = study_tables.gains(by_name, {name: UNALTERED for name in by_name if name != UNALTERED})
    changed = study_tables.difference_column("change in UAR points, mean over speakers (95 % interval)", changes)
    settings = first.settings
    parts = [
        f"# Altered recordings: {system_title(settings)} on {settings.corpus.name}",
        f"{settings.protocol}, {coverage(first)}; recipe {recipes.name_of(settings.recipe_fields)}, {trained(settings)}. Every "
        "network is tested on the recordings of its test speakers after each alteration alone. "
        f"{_trained_on(settings)} The front end scales a waveform by {settings.frontend.waveform_scaling!r}"
        f"{_trimmed(settings)}.",
        f"{CAPTION} {caption(changes.values(), is_judged=False)}",
        study_tables.results_table(by_name, (UAR_BY_FOLD, UAR_POOLED, changed), first="test recordings"),
        f"Recall of each emotion, in percent:\n\n{_recalls(by_name)}",
    ]
    return study_tables.page(parts)


def _trained_on(settings: Settings) -> str:
    """Returns a sentence about the conditions of the training segments."""
    augmentation = settings.recipe.augmentation
    conditions = list(augmentation.conditions) if augmentation else []
    if len(settings.speeds or ()) > 1:
        conditions.append(f"copies at {listed_speeds(settings.speeds)}")
    return f"The training has {'; '.join(conditions) or 'no noise, no cutoff and no other speed'}."


def _trimmed(settings: Settings) -> str:
    trim_db = settings.frontend.trim_db
    return f" and removes the parts at both ends that are {trim_db:g} dB or more below the loudest" if trim_db else ""


def _recalls(by_name: Mapping[str, Results]) -> str:
    labels = by_name[UNALTERED].settings.labels
    rows = [[name, *(percent(row.recall, 0) for row in each.overall.per_class)] for name, each in by_name.items()]
    return markdown(["test recordings", *labels], rows)


if __name__ == "__main__":
    sys.exit(main())
