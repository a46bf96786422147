"""Reproduces Tables 1 to 6 and Figures 5 to 8 (sweep of the context, confusion) of Zhang et al. (2021).

    python experiments/zhang2021_tables.py --dataset emodb --data-dir emodb --imagenet-weights bvlc_alexnet.npy \\
        --network layout=caffe
    python experiments/zhang2021_tables.py --dataset emodb --reduced --recipe zhang2021-faster --epochs 10 --stage2-epochs 20 \\
        --speeds 1.0 --table 2 --table 3 --only x5,no-attention,full --precision mixed_bfloat16
    python experiments/zhang2021_tables.py --dataset iemocap --data-dir IEMOCAP_full_release --subset improvised-4 --table 6

Expect for the second command on Emo-DB, the reduced network from random initial weights, one seed: UAR 65.9 at five speeds, 47.8 at
one, 49.9 without attention (experiments/results/emodb_zhang2021_reduced/tables.md); the paper's full system from ImageNet weights
has 87.86. On two cores: two minutes a fold at one speed, four at five, 2.2 GiB; at full size 20 minutes a fold at one speed, 4.2 GiB.

Writes tables.md, context.png and confusion.png into the output folder, where each experiment has its own folder. The same
command resumes after an interruption; the column coverage shows what is missing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn import studies
from acrnn.crossval.results import Results
from acrnn.crossval.settings import Settings
from acrnn.models.zhang2021 import published as zhang2021
from acrnn.recipes.initial_weights import RANDOM, TIME_ARROW, TITLES, InitialWeights
from acrnn.reports import published, study_tables
from acrnn.reports.comparison import caption
from acrnn.reports.study_tables import COVERAGE, FIGURE_4, TRAINING, UAR_BY_FOLD, UAR_POOLED, Column
from acrnn.reports.tables import CAPTION, FIGURE_4_NOTE, markdown, percent
from acrnn.studies import Variant
from experiments import arguments, from_options, study

SPEEDS = {1: (1.0,), 3: (0.9, 1.0, 1.1), 5: (0.8, 0.9, 1.0, 1.1, 1.2)}
CONTEXTS = (16, 32, 48, 80, 100, 128)
# Five folds by session. The paper trains on four sessions, which leaves no validation set: here one of the four validates.
PROTOCOLS = {"iemocap": "leave-one-session-out"}
FULL = "full"


@dataclass(frozen=True)
class Row:
    """One experiment: its differences from the system of the paper.

    Attributes:
        title: title in the tables.
        model: key in MODELS.
        network: fields of the system's `Config`.
        speeds: number of speeds in the training set; None for those of the options.
        initial_weights: initial weights of AlexNet; None for those of the options.
        is_baseline: whether it is a system of another paper, with its own recipe and records.
    """

    title: str
    model: str = "zhang2021"
    network: Mapping[str, object] = field(default_factory=dict)
    speeds: int | None = None
    initial_weights: InitialWeights | None = None
    is_baseline: bool = False


ROWS = {
    FULL: Row("DCNN-BLSTMwA"),
    "channels-1": Row("static alone", network={"channels": 1}),
    "channels-2": Row("static and delta", network={"channels": 2}),
    "x1": Row("as recorded", speeds=1),
    "x3": Row("0.9, 1.0, 1.1", speeds=3),
    "x5": Row("0.8, 0.9, 1.0, 1.1, 1.2", speeds=5),
    "no-attention": Row("without attention", model="zhang2021-no-attention"),
    "random-start": Row("random start", initial_weights=RANDOM),
    "time-arrow": Row(
        "pre-trained on the direction of time",
        initial_weights=InitialWeights(TIME_ARROW),
    ),
    "2cnn-lstm": Row("2-CNN-LSTM, the paper's baseline", model="zhang2021-2cnn-lstm"),
    "dnn-elm": Row("DNN-ELM (Han et al. 2014)", model="han2014-dnn-elm", is_baseline=True),
    "chen2018": Row("3-D ACRNN (Chen et al. 2018)", model="chen2018-3d", is_baseline=True),
    # The shift is half a window, as at 64 frames: a fixed shift of 32 frames would leave frames out at 16.
    **{
        f"context-{frames}": Row(f"{frames} frames", network={"context_frames": frames, "shift_frames": frames // 2})
        for frames in CONTEXTS
    },
}


@dataclass(frozen=True)
class Table:
    """A table or figure of the paper: its title and the names of its rows."""

    title: str
    rows: tuple[str, ...]


_CONTEXT_ROWS = tuple(f"context-{frames}" for frames in CONTEXTS)
TABLES = {
    "1": Table("Table 1: channels", ("channels-1", "channels-2", FULL)),
    "2": Table("Table 2: speeds in the training set", ("x1", "x3", "x5")),
    "3": Table("Table 3: attention", ("no-attention", FULL)),
    "4": Table("Table 4: initial weights of AlexNet", ("random-start", "time-arrow", FULL)),
    "5": Table("Table 5: systems, Emo-DB", ("dnn-elm", "chen2018", "2cnn-lstm", FULL)),
    "6": Table("Table 6: systems, IEMOCAP", ("dnn-elm", "chen2018", "2cnn-lstm", FULL)),
    "figure5": Table("Figure 5: frames of a window, Emo-DB", (*_CONTEXT_ROWS, FULL)),
    "figure6": Table("Figure 6: frames of a window, IEMOCAP", (*_CONTEXT_ROWS, FULL)),
    "figure7": Table("Figure 7: confusion, Emo-DB", (FULL,)),
    "figure8": Table("Figure 8: confusion, IEMOCAP", (FULL,)),
}
_OTHER_CORPUS = {"emodb": ("6", "figure6", "figure8"), "iemocap": ("5", "figure5", "figure7")}  # not of this corpus
CONDITIONS = (
    "The published figures are of the full size at five speeds from ImageNet weights, three seeds; the conditions of ours are "
    "in brackets."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    return arguments.run_script(_parser(), run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = study.study_parser(__doc__)
    parser.add_argument(
        "--table",
        choices=TABLES,
        action="append",
        metavar="NAME",
        help=f"only this one of {', '.join(TABLES)}; may be repeated (default: all of the corpus)",
    )
    study.add_only(parser)
    arguments.add_experiment_arguments(parser)
    parser.common |= {"--speeds", "--imagenet-weights", "--stage2-epochs"}
    return parser


def run(options: argparse.Namespace) -> int:
    """Runs what the tables need and writes them."""
    options.protocol = options.protocol or PROTOCOLS.get(options.dataset)
    options.table = options.table or of_corpus(options.dataset)
    reduced = "_reduced" if options.reduced else ""
    return study.run_study(options, f"zhang2021_{from_options.selection_name(options)}{reduced}", variants, page)


def of_corpus(dataset: str) -> list[str]:
    """Returns the names of the tables and figures on a corpus; another corpus has those on Emo-DB."""
    others = _OTHER_CORPUS.get(dataset, _OTHER_CORPUS["emodb"])
    return [name for name in TABLES if name not in others]


def variants(options: argparse.Namespace, output_dir: Path) -> list[Variant]:
    """Returns the experiments of the rows, each once.

    A row whose experiment is the full system's runs under the name of the full system.
    """
    rows = list(dict.fromkeys(name for table in options.table for name in TABLES[table].rows))
    names = study.chosen("only", options.only, rows, "not in the tables")
    full = variant(options, FULL)
    each = [variant(options, name) for name in names]
    each = [full if row.experiment == full.experiment else row for row in each]
    return list({row.name: row for row in each}.values())


def variant(options: argparse.Namespace, name: str) -> Variant:
    """Returns the experiment of a row."""
    row = ROWS[name]
    if row.is_baseline:
        plain = argparse.Namespace(**{**vars(options), "speeds": None})
        return Variant(name, row.title, from_options.experiment(plain, row.model, is_baseline=True))
    at_all_speeds = argparse.Namespace(**{**vars(options), "speeds": SPEEDS[5]})  # one record set serves all rows
    if row.model == "zhang2021-2cnn-lstm":  # no windows: another network and another recipe
        at_all_speeds = _without_windows(at_all_speeds)
    experiment = from_options.experiment(at_all_speeds, row.model, **row.network)
    experiment = replace(experiment, speeds=SPEEDS[row.speeds] if row.speeds else options.speeds or SPEEDS[5])
    weights = row.initial_weights or experiment.initial_weights
    return Variant(name, row.title, replace(experiment, initial_weights=weights))


def _without_windows(options: argparse.Namespace) -> argparse.Namespace:
    """Returns the options without those about AlexNet and its two stages."""
    changed = {"reduced": False, "network_fields": [], "imagenet_weights": None, "pretrain": None, "recipe": None}
    second = {name: None for name in vars(options) if name.startswith("stage2_")}
    return argparse.Namespace(**{**vars(options), **changed, **second})


def page(options: argparse.Namespace, output_dir: Path) -> str:
    """Draws the figures of the finished experiments and returns the page of tables."""
    results = studies.finished(list(ROWS), output_dir)
    full = results.get(FULL)
    if full:
        same = {name: full for name, row in ROWS.items() if _is_full(row, full.settings)}
        results = {**same, **results}
    parts = [f"# Zhang et al. (2021) on {options.dataset}", f"{CAPTION} {CONDITIONS}"]
    for name in options.table:
        parts += [f"## {TABLES[name].title}", _table(options.dataset, TABLES[name].rows, results)]
    if full:
        study_tables.write_confusion(full, output_dir / "confusion.png")
        parts += ["Recalls beside those in the paper's text:", recall_table(options.dataset, full)]
        parts.append("![confusion](confusion.png)")
    contexts = {name: results[name] for name in (FULL, *_CONTEXT_ROWS) if name in results}
    by_frames = {result.settings.config.context_frames: result for result in contexts.values()}
    if len(by_frames) > 1:
        labels = {"along": "frames of a window", "title": "UAR by context, Figures 5 and 6"}
        study_tables.write_sweep(by_frames, output_dir / "context.png", has_published=False, **labels)
        parts.append("![context](context.png)")
    return study_tables.page(parts)


def _is_full(row: Row, settings: Settings) -> bool:
    """True if the experiment of the full system with these settings is also the one of the row."""
    if row == Row(row.title, speeds=row.speeds) and row.speeds:
        return (settings.speeds or (1.0,)) == SPEEDS[row.speeds]
    is_random = row == Row(row.title, initial_weights=RANDOM)
    return is_random and settings.initial_weights == RANDOM.describe()


def _table(dataset: str, rows: Sequence[str], results: Mapping[str, Results]) -> str:
    finished = {name: results[name] for name in rows if name in results}
    if not finished:
        return "No experiment is finished yet."
    last, has_chen = rows[-1], dataset == "emodb" and "chen2018" in finished
    gains = study_tables.gains(finished, {name: last for name in finished if name != last})
    columns = (
        UAR_BY_FOLD,
        *([FIGURE_4] if has_chen else []),
        UAR_POOLED,
        study_tables.difference_column("against the last row", gains),
        Column("published", lambda name, _: _published(name, dataset)),
        TRAINING,
        COVERAGE,
    )
    titles = {name: f"{ROWS[name].title}{_conditions(result.settings)}" for name, result in finished.items()}
    table = study_tables.results_table(finished, columns, titles)
    captions = [caption(gains.values())] if len(finished) > 1 else []
    captions += [f"{FIGURE_4_NOTE}."] if has_chen else []
    return study_tables.page([" ".join(captions), table]).strip("\n")


def _conditions(settings: Settings) -> str:
    """Conditions of an experiment in brackets: number of speeds, initial weights, reduced network."""
    parts = [f"×{len(settings.speeds)}"] if settings.speeds else []
    parts += [TITLES[settings.initial_weights_kind]] if settings.initial_weights_kind else []
    parts += [] if published.full_size(settings) else ["reduced network"]
    return f" ({', '.join(parts)})" if parts else ""


def _published(name: str, dataset: str) -> str:
    figure = zhang2021.figure(name, dataset)
    return "–" if figure is None else figure.cell()


def recall_table(dataset: str, results: Results) -> str:
    """Returns a table of the recall of each emotion beside the recalls in the paper's text on Figures 7 and 8."""
    recalls = zhang2021.RECALLS.get(dataset, {})
    rows = [
        [row.emotion, percent(row.recall), f"{recalls[row.emotion]:.0f}" if row.emotion in recalls else "–"]
        for row in results.overall.per_class
    ]
    return markdown(["emotion", "recall", "published"], rows)


if __name__ == "__main__":
    sys.exit(main())
