"""What a smaller format costs: every run of an experiment in every format, on its own test speakers, from the sound files.

    python experiments/format_costs.py --run runs/emodb --corpus-dir emodb --output experiments/results/formats.md

The run's own predictions are the reference. Needs the extra [onnx] and the runtimes; prints a Markdown table.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from acrnn import files, metrics, reports
from acrnn.console import import_quietly, run_job
from acrnn.crossval.results import Results, collect_results
from acrnn.crossval.run import Run
from acrnn.model_card import FORMATS
from acrnn.progress import ProgressLine
from acrnn.records import RecordSet

_HEADER = (
    "format",
    "weights",
    "size (MB)",
    "UAR, mean over folds",
    "change in points",
    "emotions changed",
    "largest change",
)


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for usage."""
    options = _parser().parse_args(given)
    return run_job(lambda: run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, dest="folder", help="experiment that kept its networks")
    parser.add_argument("--records", type=Path, required=True, help="its record set, which says where the sounds lie")
    parser.add_argument("--corpus-dir", type=Path, required=True, help="folder that the recordings are in")
    parser.add_argument("--output", type=Path, help="Markdown file to write (default: print only)")
    return parser


def run(options: argparse.Namespace) -> int:
    """Exports, predicts, compares."""
    import_quietly("tensorflow")
    found = collect_results(options.folder)
    paths = {row.id: options.corpus_dir / row.path for row in RecordSet(options.records).utterances}
    runs = found.runs
    measured: dict[str, list[dict]] = {name: [] for name in FORMATS}
    with ProgressLine("comparing formats", "runs") as progress:
        for number, one in enumerate(runs, start=1):
            for name, figures in compared(options.folder, one, paths, found.settings.labels).items():
                measured[name].append(figures)
            progress.update(number, len(runs))
    text = _table(measured, runs, found)
    print(text)
    if options.output:
        files.write_text(options.output, text + "\n")
    return 0


def compared(folder: Path, one: Run, paths: dict[str, Path], labels: Sequence[str]) -> dict[str, dict]:
    """For each format: UAR of the run's test speakers, and how far its probabilities are from the run's."""
    from acrnn.export import version_folder
    from acrnn.export.trained_model import TrainedModel
    from acrnn.inference import Recognizer

    trained = TrainedModel.of_run(folder, one.fold, one.seed)
    sounds = [paths[utterance] for utterance in one.utterances]
    expected, labeled = np.array(one.probabilities), np.array(one.labels)
    measured = {}
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "model" / "1"
        version_folder.export(trained, out, tuple(FORMATS))
        for name in FORMATS:
            said = Recognizer.load(out, name).predict_batch(sounds)
            shares = np.array([list(prediction.probabilities.values()) for prediction in said])
            size = sum(
                path.stat().st_size
                for path in (
                    [out / "saved_model.pb", *out.glob("variables/*")]
                    if name == "saved-model"
                    else [out / FORMATS[name].file]
                )
            )
            measured[name] = {
                "size": size,
                "uar": metrics.uar(metrics.confusion(labeled, shares.argmax(axis=1), len(labels))),
                "change": np.abs(shares - expected).max(),
                "changed": int((shares.argmax(axis=1) != expected.argmax(axis=1)).sum()),
                "utterances": len(sounds),
                "reference": metrics.uar(metrics.confusion(labeled, expected.argmax(axis=1), len(labels))),
            }
    return measured


def _table(measured: dict[str, list[dict]], runs: Sequence[Run], found: Results) -> str:
    cells = []
    for name, rows in measured.items():
        uar, reference = (100 * np.mean([row[key] for row in rows]) for key in ("uar", "reference"))
        cells.append(
            [
                name,
                FORMATS[name].title,
                f"{np.mean([row['size'] for row in rows]) / 1e6:.2f}",
                f"{uar:.2f}",
                f"{uar - reference:+.2f}",
                f"{sum(row['changed'] for row in rows)} of {sum(row['utterances'] for row in rows)}",
                f"{max(row['change'] for row in rows):.1e}",
            ]
        )
    settings, first = found.settings, next(iter(measured.values()))
    in_python = 100 * np.mean([row["reference"] for row in first])
    note = (
        f"{settings.corpus.title}, {settings.model}, {reports.coverage(found)}: the networks of a cross-validation, each on "
        f"its own test speakers, from sound file to emotion. In Python their UAR is {in_python:.2f}."
    )
    return f"{note}\n\n{reports.markdown(_HEADER, cells)}"


if __name__ == "__main__":
    sys.exit(main())
