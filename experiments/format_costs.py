"""Measures the cost of smaller export formats: the networks of an experiment in each format, on their own test speakers.

    python experiments/format_costs.py --run runs/formats --records records/emodb_chen2018 --corpus-dir emodb

Expect for the ten networks of `run_cv.py --dataset emodb --recipe centered --reduced`: UAR 71.67 in float32, 71.84 with ONNX's 8-bit
weights and 71.27 with LiteRT's (experiments/results/formats.md). On two cores: a few minutes a network, mostly for its exports.

The predictions of the experiment are the reference; recognition starts from the sound files. Needs the extra [onnx] and the
runtimes of all formats.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from acrnn import metrics
from acrnn.console import import_quietly, run_job
from acrnn.crossval.results import Results, collect_results
from acrnn.crossval.run import Run
from acrnn.model_card import FORMATS
from acrnn.progress import ProgressLine
from acrnn.records.record_set import RecordSet
from acrnn.reports.tables import coverage, markdown
from experiments.measured import add_output, show

HEADER = (
    "format",
    "weights",
    "size (MB)",
    "UAR, mean over folds",
    "change in points",
    "emotions changed",
    "largest change",
)


@dataclass(frozen=True)
class Cost:
    """One network in one format, compared with the network in Python on the same test utterances.

    Attributes:
        size: bytes of the model's files.
        uar: UAR of the export.
        reference_uar: UAR of the network in Python.
        largest_change: largest difference between two posteriors.
        num_changed: number of utterances with another emotion.
        num_utterances: number of test utterances.
    """

    size: int
    uar: float
    reference_uar: float
    largest_change: float
    num_changed: int
    num_utterances: int


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(argv)
    return run_job(lambda: run(options), parser)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--run", type=Path, required=True, dest="folder", metavar="DIR", help="experiment that saved its networks"
    )
    parser.add_argument("--records", type=Path, required=True, metavar="DIR", help="record set of the experiment")
    parser.add_argument("--corpus-dir", type=Path, required=True, metavar="DIR", help="folder of the recordings")
    add_output(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Exports the networks, recognizes their test utterances, and compares."""
    import_quietly("tensorflow")
    results = collect_results(options.folder)
    paths = {row.id: options.corpus_dir / row.path for row in RecordSet(options.records).utterances}
    costs: dict[str, list[Cost]] = {name: [] for name in FORMATS}
    with ProgressLine("comparing formats", "runs") as progress:
        for number, each in enumerate(results.runs, start=1):
            for name, cost in costs_of(options.folder, each, paths, len(results.settings.labels)).items():
                costs[name].append(cost)
            progress.update(number, len(results.runs))
    show(_table(costs, results), options)
    return 0


def costs_of(folder: Path, run: Run, paths: Mapping[str, Path], num_classes: int) -> dict[str, Cost]:
    """Returns the cost of each format for the network of one run.

    Args:
        folder: folder of the experiment.
        run: the run.
        paths: sound file of each utterance, by id.
        num_classes: number of emotions.
    """
    from acrnn.export import version_folder
    from acrnn.export.trained_model import TrainedModel
    from acrnn.inference.recognizer import Recognizer

    trained = TrainedModel.of_run(folder, run.fold, run.seed)
    sounds = [paths[utterance] for utterance in run.utterances]
    costs = {}
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "model" / "1"
        version_folder.export(trained, out, tuple(FORMATS))
        for name in FORMATS:
            predictions = Recognizer.load(out, name).predict_batch(sounds)
            posteriors = np.array([list(prediction.probabilities.values()) for prediction in predictions])
            costs[name] = _cost(run, posteriors, _size(out, name), num_classes)
    return costs


def _size(out: Path, name: str) -> int:
    """Bytes of the files of a format in a version folder."""
    variables = out.glob("variables/*") if name == "saved-model" else ()
    return sum(path.stat().st_size for path in [out / FORMATS[name].file, *variables])


def _cost(run: Run, posteriors: np.ndarray, size: int, num_classes: int) -> Cost:
    """Compares the posteriors [utterances, emotions] of an export with those of a run."""
    labels, expected = np.array(run.labels), np.array(run.probabilities)
    predicted = posteriors.argmax(axis=1)
    return Cost(
        size=size,
        uar=metrics.uar(metrics.confusion(labels, predicted, num_classes)),
        reference_uar=metrics.uar(run.confusion(num_classes)),
        largest_change=float(np.abs(posteriors - expected).max()),
        num_changed=int((predicted != run.predictions).sum()),
        num_utterances=len(labels),
    )


def _table(costs: Mapping[str, Sequence[Cost]], results: Results) -> str:
    rows = [_row(name, each) for name, each in costs.items()]
    in_python = 100 * np.mean([cost.reference_uar for cost in next(iter(costs.values()))])
    settings = results.settings
    note = (
        f"{settings.corpus.title}, {settings.model}, {coverage(results)}: the networks of a cross-validation, each on its own test "
        f"speakers, from sound file to emotion. In Python their UAR is {in_python:.2f}."
    )
    return f"{note}\n\n{markdown(HEADER, rows)}"


def _row(name: str, costs: Sequence[Cost]) -> list[str]:
    uar, reference_uar = (100 * np.mean([getattr(cost, field) for cost in costs]) for field in ("uar", "reference_uar"))
    return [
        name,
        FORMATS[name].title,
        f"{np.mean([cost.size for cost in costs]) / 1e6:.2f}",
        f"{uar:.2f}",
        f"{uar - reference_uar:+.2f}",
        f"{sum(cost.num_changed for cost in costs)} of {sum(cost.num_utterances for cost in costs)}",
        f"{max(cost.largest_change for cost in costs):.1e}",
    ]


if __name__ == "__main__":
    sys.exit(main())
