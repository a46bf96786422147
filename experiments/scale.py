"""Measures what large corpora cost: reading a table, planning, folds and checks of many rows, and the preparation of some.

    python experiments/scale.py --dataset emodb --rows 10000,100000,1000000 --prepared 1000,4000,16000 --output FILE

The corpora are sparse: tables whose rows are overlapping half seconds of a few real recordings, with the speakers and emotions
of these. Each size is measured in a process of its own, so that its peak memory is its own. Expect experiments/results/scale.md:
times roughly proportional to the number of rows, and a memory that grows by the table and the fingerprints, not by the features.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from acrnn import audio
from acrnn.batches.sources import Feeder, Source
from acrnn.console import Parser, import_quietly, numbers, positive, run_job
from acrnn.crossval.environment import package_versions, peak_memory_mib
from acrnn.folds import make_folds
from acrnn.frontends import FRONTENDS
from acrnn.models import MODELS
from acrnn.recipes import CHEN2018
from acrnn.records.record_set import RecordSet
from acrnn.records.sounds import Sounds
from acrnn.records.utterance_table import UtteranceRow, read_utterances, write_utterances
from acrnn.reports.tables import markdown
from acrnn.segments import RULES
from acrnn.workers import pool
from data_prep.arguments import add_recording_arguments, read_recordings
from data_prep.auxiliary_inputs import Recordings
from data_prep.corpora import CORPORA, Utterance, read_corpus
from data_prep.extract import Settings
from data_prep.prepare import prepare
from data_prep.repeated_sounds import repeated_sounds
from data_prep.shard_plans import SHARD_BYTES, ShardPlan, plan_shards
from experiments.measured import add_output, show

SECONDS = 0.5  # of an utterance of a sparse corpus
FRAMES = 64  # of a random fingerprint: an utterance of 1.9 s
PROTOCOL = "grouped-5-fold"
SETTINGS = Settings(FRONTENDS["chen2018"], RULES["chen2018"])
STEPS = 50  # of training
PROJECTED = 1_000_000


class Step(NamedTuple):
    """A measured step.

    Attributes:
        title: what was done.
        seconds: its time.
        peak_mib: largest memory that the process had used by its end.
        note: what came out.
    """

    title: str
    seconds: float
    peak_mib: int | None
    note: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    return run_job(lambda: run(options), parser)


def _parser() -> Parser:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", choices=CORPORA, default="toy", help="real recordings (default: %(default)s)")
    add_recording_arguments(parser)
    parser.add_argument("--rows", type=numbers, default=(10_000,), metavar="N,N", help="sizes of the tables")
    parser.add_argument("--prepared", type=numbers, default=(1000,), metavar="N,N", help="utterances to prepare")
    parser.add_argument("--jobs", type=positive, default=1, help="processes of a preparation (default: %(default)s)")
    add_output(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Measures every size and prints the tables."""
    corpus, _, selection = read_recordings(CORPORA[options.dataset], options)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        steps = {count: _measured(table_steps, folder, selection.utterances, count) for count in options.rows}
        prepared = {
            count: _measured(preparation_steps, folder, selection.utterances, count, options.jobs)
            for count in options.prepared
        }
    show(page(f"{len(selection.utterances)} recordings of {corpus.title}", steps, prepared, options.jobs), options)
    return 0


def _measured(measure: Callable, folder: Path, utterances: Sequence[Utterance], count: int, *more) -> list[Step]:
    """Runs a measurement of a table of `count` rows in a process of its own."""
    table = folder / f"rows{count}.csv"
    write_sparse_table(table, utterances, count)
    with pool(1) as executor:
        return executor.submit(measure, table, *more).result()


def write_sparse_table(path: Path, utterances: Sequence[Utterance], count: int) -> None:
    """Writes a table of `count` utterances, each `SECONDS` of one of the recordings, with its speaker and emotion.

    Parts of one recording begin at different times, so that no two utterances are equal.
    """
    spare = [max(0.01, audio.duration_seconds(each.path) - SECONDS) for each in utterances]
    windows = -(-count // len(utterances))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "path", "label", "speaker", "start", "end"))
        for number in range(count):
            window, place = divmod(number, len(utterances))
            each, start = utterances[place], spare[place] * window / windows
            times = f"{start:.6f}", f"{start + SECONDS:.6f}"
            writer.writerow((f"u{number:08d}", each.path.absolute(), each.emotion, each.speaker, *times))


def table_steps(table: Path) -> list[Step]:
    """Measures all that a table of this size costs before and after the features are computed."""
    steps: list[Step] = []
    selection = _timed(steps, "read the table", lambda: read_corpus(CORPORA["manifest"], table), _size_of(table))
    paths = {each.path for each in selection.utterances}
    _timed(
        steps,
        "read the lengths of the recordings",
        lambda: [audio.duration_seconds(path) for path in paths],
        lambda seconds: f"{len(seconds)} files",
    )
    plans = _timed(steps, "plan the shards", lambda: plan_shards(selection, table, SETTINGS), _planned)
    rows = _rows(plans)
    out = table.with_suffix(".utterances")
    _timed(steps, "write utterances.csv", lambda: write_utterances(out, rows), _size_of(out))
    _timed(steps, "read utterances.csv", lambda: read_utterances(out), lambda read: f"{len(read)} rows")
    _timed(steps, f"folds, {PROTOCOL}", lambda: make_folds(PROTOCOL, rows, selection.labels), _number_of_folds)
    sounds = random_sounds(rows)
    starts = dict.fromkeys(sounds.sha256, 0.0)
    _timed(
        steps,
        "look for repeated sounds",
        lambda: repeated_sounds(rows, starts, sounds),
        lambda reasons: f"random fingerprints of {FRAMES} frames; {len(reasons)} found",
    )
    return steps


def _timed(steps: list[Step], title: str, job: Callable, note: Callable[..., str]):
    """Appends the measurement of a job to the steps; returns its result."""
    started = time.perf_counter()
    result = job()
    steps.append(Step(title, time.perf_counter() - started, peak_memory_mib(), note(result)))
    return result


def _size_of(path: Path) -> Callable[..., str]:
    return lambda result: f"{path.stat().st_size / 1e6:.1f} MB"


def _planned(plans: Sequence[ShardPlan]) -> str:
    return f"{len(plans)} files, {max(len(plan.jobs) for plan in plans)} utterances in the largest"


def _number_of_folds(folds: Sequence) -> str:
    return f"{len(folds)} folds"


def _rows(plans: Sequence[ShardPlan]) -> list[UtteranceRow]:
    """Rows of utterances.csv as a preparation would write them; files count as different, as in a real corpus."""
    rows = []
    for job in (job for plan in plans for job in plan.jobs):
        each, frames = job.utterance, round(SECONDS * 100)
        row = UtteranceRow(
            *(each.id, each.speaker, each.session, each.emotion, job.label, frames, 1, SECONDS, 16000),
            *(job.relative_path, f"{len(rows):064x}"),
        )
        rows.append(row)
    return rows


def random_sounds(rows: Sequence[UtteranceRow]) -> Sounds:
    """Returns checksums and random fingerprints of different sounds."""
    frames = np.random.default_rng(0).integers(1, 2**32, (len(rows), FRAMES), np.uint32)
    names = [row.id for row in rows]
    return Sounds({name: f"{place:064x}" for place, name in enumerate(names)}, dict(zip(names, frames, strict=True)))


def preparation_steps(table: Path, jobs: int) -> list[Step]:
    """Measures the preparation of a table, and one pass over its records in random order."""
    steps: list[Step] = []
    import_quietly("tensorflow")
    _timed(steps, "TensorFlow alone", lambda: None, lambda nothing: "")
    out, corpus = table.with_suffix(".records"), CORPORA["manifest"]
    recordings = Recordings(read_corpus(corpus, table))
    _timed(
        steps,
        "prepare",
        lambda: prepare(corpus, recordings, table, out, SETTINGS, jobs=jobs),
        lambda manifest: f"{len(manifest.shards)} files, {_megabytes(out):.0f} MB",
    )
    records = RecordSet(out)
    _timed(steps, "open for streaming", lambda: Feeder(records, memory_bytes=0), lambda feeder: "checksums verified")
    source = Feeder(records, memory_bytes=0).source([row.id for row in records.utterances])
    _timed(
        steps,
        "read in random order",
        lambda: sum(1 for _ in source.shuffled(CHEN2018.batch_size, np.random.default_rng(0))),
        lambda batches: f"{batches} batches of {CHEN2018.batch_size}",
    )
    _timed(
        steps,
        f"train an epoch of at most {STEPS} steps, streamed",
        lambda: waiting(records, source),
        lambda waited: f"{waited[0]} steps, {100 * waited[1]:.1f} % of the time waited for batches",
    )
    shutil.rmtree(out)
    return steps


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


def waiting(records: RecordSet, source: Source) -> tuple[int, float]:
    """Trains the reduced network for an epoch of `STEPS` steps at most; returns their number and their share of waiting time."""
    import_quietly("keras")
    from acrnn.training.steps import Steps

    system = MODELS["chen2018-3d"]
    recipe = replace(CHEN2018, balanced_draw=None, max_steps=STEPS)
    network = system.estimator(system.configure(records.manifest, **system.reduced), recipe)
    Steps(network.model, replace(recipe, max_steps=1), source, 0).epoch(1)  # compiles
    steps = Steps(network.model, recipe, source, 0)
    steps.epoch(1)
    return steps.steps_done, steps.waiting_share


def page(title: str, tables: dict[int, list[Step]], prepared: dict[int, list[Step]], jobs: int) -> str:
    """Returns the measurements as Markdown."""
    versions = package_versions(("acrnn", "tensorflow", "numpy"))
    listed = ", ".join(f"{name} {value}" for name, value in versions.items())
    header = ("utterances", "step", "seconds", "per utterance (µs)", "peak memory so far (MiB)", "result")
    return "\n".join(
        [
            f"{title}, repeated as parts of {SECONDS:g} s; {listed}; {time.strftime('%Y-%m-%d')}.",
            "",
            "Tables without features:",
            "",
            markdown(header, _cells(tables)),
            "",
            f"Preparation with {jobs} process{'es' if jobs > 1 else ''}:",
            "",
            markdown(header, _cells(prepared)),
            "",
            projection(prepared),
        ]
    )


def _cells(measured: dict[int, list[Step]]) -> list[list[str]]:
    return [
        [
            str(count),
            step.title,
            f"{step.seconds:.2f}",
            f"{1e6 * step.seconds / count:.0f}",
            "–" if step.peak_mib is None else str(step.peak_mib),
            step.note,
        ]
        for count, steps in measured.items()
        for step in steps
    ]


def projection(prepared: dict[int, list[Step]]) -> str:
    """Returns a sentence that extends the preparation of the largest sample, which took time in proportion, to a million."""
    count = max(prepared)
    step = next(step for step in prepared[count] if step.title == "prepare")
    megabytes = float(step.note.split(", ")[1].split()[0]) * PROJECTED / count
    hours = step.seconds * PROJECTED / count / 3600
    return (
        f"In proportion to the {count} utterances, {PROJECTED:,} of one segment each take {hours:.1f} hours, "
        f"{megabytes / 1e3:.0f} GB and {megabytes * 1e6 / SHARD_BYTES:.0f} files of {SHARD_BYTES / 1e6:.0f} MB."
    )


if __name__ == "__main__":
    sys.exit(main())
