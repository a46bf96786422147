"""Tables 1 to 6, the sweep of the context (Figures 5, 6) and the confusion (7, 8) of Zhang et al. (2021), beside the published figures.

    python experiments/zhang2021_tables.py --dataset emodb --data-dir emodb --imagenet-weights bvlc_alexnet.npy --network layout=caffe
    python experiments/zhang2021_tables.py --dataset emodb --reduced --speeds 1.0 --table 3 --table 2 --jobs 2
    python experiments/zhang2021_tables.py --dataset iemocap --data-dir IEMOCAP_full_release --subset improvised-4 --table 6

Writes tables.md, context.png and confusion.png into the output folder, where each experiment has a folder of its own. The
same command goes on where a killed one stopped; what is missing shows in the column coverage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from acrnn import files, recipes, reports, studies
from acrnn.console import comma_separated, run_job
from acrnn.crossval.results import Results
from acrnn.crossval.settings import Settings
from acrnn.errors import UsageError
from acrnn.models.zhang2021 import published as zhang2021
from acrnn.recipes import initial_weights
from acrnn.reports import comparison, published
from acrnn.studies import Variant
from experiments import arguments

SPEEDS = {1: (1.0,), 3: (0.9, 1.0, 1.1), 5: (0.8, 0.9, 1.0, 1.1, 1.2)}
CONTEXTS = (16, 32, 48, 80, 100, 128)
# Five folds by session. The paper trains on four of them, which leaves nobody to choose an epoch by: here one of the four
# validates.
PROTOCOLS = {"iemocap": "leave-one-session-out"}
FULL = "full"


@dataclass(frozen=True)
class Row:
    """One experiment: what it does otherwise than the system of the paper.

    Attributes:
        title: in the table.
        model: a key of MODELS.
        network: fields of its `Config`.
        speeds: how many speeds train; None for those of the options.
        initial_weights: where AlexNet's weights start from; None for what the options say.
        own: of another paper, with its own recipe and records.
    """

    title: str
    model: str = "zhang2021"
    network: Mapping[str, object] = field(default_factory=dict)
    speeds: int | None = None
    initial_weights: initial_weights.InitialWeights | None = None
    own: bool = False


ROWS = {
    FULL: Row("DCNN-BLSTMwA"),
    "channels-1": Row("static alone", network={"channels": 1}),
    "channels-2": Row("static and delta", network={"channels": 2}),
    "x1": Row("as recorded", speeds=1),
    "x3": Row("0.9, 1.0, 1.1", speeds=3),
    "x5": Row("0.8, 0.9, 1.0, 1.1, 1.2", speeds=5),
    "no-attention": Row("without attention", model="zhang2021-no-attention"),
    "random-start": Row("random start", initial_weights=initial_weights.RANDOM),
    "time-arrow": Row(
        "pre-trained on the direction of time",
        initial_weights=initial_weights.InitialWeights(initial_weights.TIME_ARROW),
    ),
    "2cnn-lstm": Row("2-CNN-LSTM, the paper's baseline", model="zhang2021-2cnn-lstm"),
    "dnn-elm": Row("DNN-ELM (Han et al. 2014)", model="han2014-dnn-elm", own=True),
    "chen2018": Row("3-D ACRNN (Chen et al. 2018)", model="chen2018-3d", own=True),
    # half a window from one to the next, as at 64 frames: a fixed shift of 32 would leave frames out at 16
    **{
        f"context-{frames}": Row(f"{frames} frames", network={"context_frames": frames, "shift_frames": frames // 2})
        for frames in CONTEXTS
    },
}


@dataclass(frozen=True)
class Table:
    """A table or figure: its title and its rows, by name."""

    title: str
    rows: tuple[str, ...]


_CONTEXT_ROWS = tuple(f"context-{frames}" for frames in CONTEXTS)
TABLES = {
    "1": Table("Table 1: channels", ("channels-1", "channels-2", FULL)),
    "2": Table("Table 2: speeds that train", ("x1", "x3", "x5")),
    "3": Table("Table 3: attention", ("no-attention", FULL)),
    "4": Table("Table 4: where AlexNet starts", ("random-start", "time-arrow", FULL)),
    "5": Table("Table 5: systems, Emo-DB", ("dnn-elm", "chen2018", "2cnn-lstm", FULL)),
    "6": Table("Table 6: systems, IEMOCAP", ("dnn-elm", "chen2018", "2cnn-lstm", FULL)),
    "figure5": Table("Figure 5: frames of a window, Emo-DB", (*_CONTEXT_ROWS, FULL)),
    "figure6": Table("Figure 6: frames of a window, IEMOCAP", (*_CONTEXT_ROWS, FULL)),
    "figure7": Table("Figure 7: confusion, Emo-DB", (FULL,)),
    "figure8": Table("Figure 8: confusion, IEMOCAP", (FULL,)),
}
_OF_OTHERS = {"emodb": ("6", "figure6", "figure8"), "iemocap": ("5", "figure5", "figure7")}


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for usage."""
    options = arguments.parsed(_parser(), given)
    return run_job(lambda: run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--table", choices=TABLES, action="append", help="only this one; may be repeated (default: all of the corpus)"
    )
    parser.add_argument("--only", type=comma_separated, help="only these rows, by the names of their folders")
    arguments.add_study_arguments(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Runs what the tables need and writes them."""
    options.protocol = options.protocol or PROTOCOLS.get(options.dataset)
    reduced = "_reduced" if options.reduced else ""
    output_dir = options.output_dir or Path("runs", f"zhang2021_{arguments.selection_name(options)}{reduced}")
    tables = [TABLES[name] for name in options.table or of_corpus(options.dataset)]
    if not options.tables_only:
        variants = variants_of(options, wanted(tables, options.only))
        work = (options.folds, options.seeds, options.jobs, lambda: write(options, tables, output_dir))
        studies.run(variants, output_dir, *work)
    write(options, tables, output_dir)
    print((output_dir / "tables.md").read_text(encoding="utf-8"))
    return 0


def of_corpus(dataset: str) -> list[str]:
    """The tables and figures that a corpus is for; a corpus of one's own has those of Emo-DB."""
    others = _OF_OTHERS.get(dataset, _OF_OTHERS["emodb"])
    return [name for name in TABLES if name not in others]


def wanted(tables: Sequence[Table], only: Sequence[str] | None) -> list[str]:
    """Names of the rows to run, each once.

    Raises:
        UsageError: a row is asked for that is in no table.
    """
    names = list(dict.fromkeys(name for table in tables for name in table.rows))
    for name in only or ():
        if name not in names:
            raise UsageError(f"--only {name}: not in the tables; choose from {', '.join(names)}")
    return [name for name in names if only is None or name in only]


def variants_of(options: argparse.Namespace, names: Sequence[str]) -> list[Variant]:
    """The experiments of the rows, each once: one that is the full system under another name is run as that."""
    full, rows = variant(options, FULL), [variant(options, name) for name in names]
    rows = [full if row.experiment == full.experiment else row for row in rows]
    return list({row.name: row for row in rows}.values())


def variant(options: argparse.Namespace, name: str) -> Variant:
    """The experiment of a row."""
    row = ROWS[name]
    if row.own:
        plain = argparse.Namespace(**{**vars(options), "speeds": None})
        return Variant(name, row.title, arguments.experiment(plain, row.model, own_recipe=True))
    every = argparse.Namespace(**{**vars(options), "speeds": SPEEDS[5]})  # one record set serves all rows
    if row.model == "zhang2021-2cnn-lstm":  # not of windows: another network and another recipe
        every = _without_windows(every)
    experiment = arguments.experiment(every, row.model, **row.network)
    experiment = replace(experiment, speeds=SPEEDS[row.speeds] if row.speeds else options.speeds or SPEEDS[5])
    return Variant(
        name, row.title, replace(experiment, initial_weights=row.initial_weights or experiment.initial_weights)
    )


def _without_windows(options: argparse.Namespace) -> argparse.Namespace:
    """The options without what is said of AlexNet and its two stages."""
    changed = {"reduced": False, "network_fields": [], "imagenet_weights": None, "pretrain": None, "recipe": None}
    second = {name: None for name in vars(options) if name.startswith("stage2_")}
    return argparse.Namespace(**{**vars(options), **changed, **second})


def write(options: argparse.Namespace, tables: Sequence[Table], output_dir: Path) -> None:
    """Writes tables.md and the figures from what is finished."""
    found = studies.finished(list(ROWS), output_dir)
    if FULL in found:
        found = {**{name: found[FULL] for name, row in ROWS.items() if _is_full(row, found[FULL].settings)}, **found}
    parts = [
        f"# Zhang et al. (2021) on {options.dataset}",
        "UAR in percent, ± the standard deviation over folds; intervals resample speakers. The paper's figures are of the "
        "full size at five speeds from ImageNet weights, three seeds; what ours are of stands in brackets. Differences "
        "are paired over test speakers, against the last row; p by exact sign flips.",
    ]
    for table in tables:
        rows = [name for name in table.rows if name in found]
        parts += [f"## {table.title}", _text(options.dataset, table, found) if rows else "Nothing is finished yet."]
    _draw(found, output_dir)
    if FULL in found:
        parts += ["Recalls beside those that the paper's text names:", _recalls(options.dataset, found[FULL])]
        parts.append("![confusion](confusion.png)")
    if len(_contexts(found)) > 1:
        parts.append("![context](context.png)")
    files.write_text(output_dir / "tables.md", "\n\n".join(parts) + "\n")


def _is_full(row: Row, settings: Settings) -> bool:
    """Whether the full system's experiment, run with these settings, is the row's too."""
    if row == Row(row.title, speeds=row.speeds) and row.speeds:
        return (settings.speeds or (1.0,)) == SPEEDS[row.speeds]
    return (
        row == Row(row.title, initial_weights=initial_weights.RANDOM)
        and settings.initial_weights == initial_weights.RANDOM.describe()
    )


def _text(dataset: str, table: Table, found: Mapping[str, Results]) -> str:
    header = [
        "",
        "UAR, mean over folds",
        "UAR, pooled (95 % interval)",
        "against the last row",
        "published",
        "training",
        "coverage",
    ]
    last = table.rows[-1]
    cells = []
    for name in (one for one in table.rows if one in found):
        made = None if name == last else studies.compared(found, name, last, comparison.tested_uar)
        cells.append(
            [
                f"{_title(found[name], ROWS[name].title)}",
                *reports.uar_cells(found[name]),
                studies.difference(made),
                _published(name, dataset),
                f"{recipes.name_of(found[name].settings.recipe_fields)}, {reports.trained(found[name].settings)}",
                reports.coverage(found[name]),
            ]
        )
    return reports.markdown(header, cells)


def _recalls(dataset: str, found: Results) -> str:
    """Recall by emotion beside what the paper says of Figures 7 and 8."""
    known = zhang2021.RECALLS.get(dataset, {})
    ours = zip(found.settings.labels, found.overall.per_class, strict=True)
    rows = [[name, reports.percent(row.recall), f"{known[name]:.0f}" if name in known else "–"] for name, row in ours]
    return reports.markdown(["emotion", "recall", "published"], rows)


def _title(found: Results, title: str) -> str:
    """A row's title with what of its experiment the title does not say."""
    settings = found.settings
    said = [f"×{len(settings.speeds)}"] if settings.speeds else []
    said += [initial_weights.TITLES[settings.initial_weights_kind]] if settings.initial_weights_kind else []
    said += [] if published.full_size(settings) else ["reduced network"]
    return title + (f" ({', '.join(said)})" if said else "")


def _published(name: str, dataset: str) -> str:
    known = zhang2021.figure(name, dataset)
    return "–" if known is None else known.cell()


def _contexts(found: Mapping[str, Results]) -> dict[int, Results]:
    """Results of the rows that differ in the frames of a window alone, by those."""
    rows = {name: ROWS[name] for name in found if name == FULL or name.startswith("context-")}
    return {found[name].settings.config.context_frames: found[name] for name in rows}


def _draw(found: Mapping[str, Results], output_dir: Path) -> None:
    from acrnn import figures

    if FULL in found:
        overall, labels = found[FULL].overall, found[FULL].settings.labels
        figures.write_png(figures.confusion(overall.confusion, labels), output_dir / "confusion.png")
    if len(contexts := _contexts(found)) > 1:
        points = {
            frames: figures.Point(results.overall.uar_fold_mean, results.overall.uar_fold_mean_interval)
            for frames, results in contexts.items()
        }
        figure = figures.depths(points, along="frames of a window", title="UAR by context, Figures 5 and 6")
        figures.write_png(figure, output_dir / "context.png")


if __name__ == "__main__":
    sys.exit(main())
