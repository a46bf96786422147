"""UAR of finished networks by the number of enrolment utterances of a new speaker: table and figure. Trains nothing.

    python experiments/run_cv.py --dataset emodb --reduced --recipe centered --network centered=false \\
        --speaker-statistics speaker --output-dir runs/speaker
    python experiments/enrolment_curve.py --run runs/speaker --records records/emodb_chen2018

The run needs the saved networks of its folds. Writes `enrolment.json`, `enrolment.md` and `enrolment.png`, or with
`--part validation` the same with `enrolment_validation`; with `--test-speeds` the names end with `_several_speeds`. Takes some
seconds for each network, number and draw.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn import files, metrics
from acrnn.batches.speaker_statistics import CORPUS, PRIOR_SECONDS
from acrnn.console import comma_separated, numbers, positive, run_job
from acrnn.crossval.results import Results, collect_results
from acrnn.reports.tables import SPREAD, coverage, listed_speeds, markdown, percent, percent_interval, system_title
from data_prep.speed import speeds

if TYPE_CHECKING:
    from acrnn.crossval.prediction.enrolment import Point

COUNTS = (0, 1, 2, 5, 10, 20)
HEADER = ("enrolment utterances", "their duration", "prior", "UAR, mean over folds", "95 % interval")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    return run_job(lambda: run(options), parser)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="experiment with saved networks")
    parser.add_argument("--records", type=Path, required=True, metavar="DIR", help="its record set")
    parser.add_argument("--counts", type=numbers, default=COUNTS, metavar="N,N,…", help="enrolment utterances")
    parser.add_argument("--draws", type=positive, default=5, metavar="N", help="orders to average over (default: 5)")
    parser.add_argument(
        "--part", choices=("test", "validation"), default="test", help="new speakers: of the test or validation parts"
    )
    parser.add_argument(
        "--prior-seconds",
        type=_seconds,
        default=(PRIOR_SECONDS,),
        metavar="S,S,…",
        help=f"weight of the average training speaker (default: {PRIOR_SECONDS:g}); several with --part validation only",
    )
    parser.add_argument(
        "--test-speeds",
        type=speeds,
        default=(1.0,),
        metavar="X,X,…",
        help="average the posteriors over copies at these speeds, such as 0.9,1.0,1.1 (default: the recordings alone)",
    )
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="folder to write to (default: the experiment's)")
    return parser


def run(options: argparse.Namespace) -> int:
    """Tests, prints and writes the curve."""
    from acrnn.crossval.prediction.enrolment import enrolment_curve

    points = enrolment_curve(
        options.run,
        options.records,
        options.counts,
        options.draws,
        options.part,
        options.prior_seconds,
        test_speeds=options.test_speeds,
    )
    out = options.output_dir or options.run
    files.make_folder(out)
    name = "enrolment" if options.part == "test" else f"enrolment_{options.part}"
    name += "_several_speeds" * (len(options.test_speeds) > 1)
    results = collect_results(options.run)
    system = system_title(replace(results.settings, speaker_statistics=CORPUS))  # the rows name the statistics
    system += f", predicted at {listed_speeds(options.test_speeds)}" * (len(options.test_speeds) > 1)
    title = f"UAR by enrolment: {system} on {results.settings.corpus.name}"
    text = f"# {title}\n\n{_table(points)}\n\n{_caption(options, results)}\n"
    files.write_text(out / f"{name}.md", text)
    values = [{**point.amount._asdict(), "seconds": point.seconds, "uars": point.uars.tolist()} for point in points]
    content = {"part": options.part, "draws": options.draws, "coverage": coverage(results), "points": values}
    if len(options.test_speeds) > 1:
        content["test_speeds"] = list(options.test_speeds)
    files.write_sealed_json(out / f"{name}.json", {**content, "settings": results.settings.to_dict()})
    if len(options.prior_seconds) == 1:
        _write_figure(points, title, options.part, out / f"{name}.png")
    print(text)
    return 0


def _seconds(text: str) -> tuple[float, ...]:
    try:
        values = tuple(map(float, comma_separated(text)))
    except ValueError:
        values = ()
    if not values or not all(0 <= value < 3600 for value in values):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of seconds such as 1,3,10")
    return values


def _caption(options: argparse.Namespace, results: Results) -> str:
    draws = "1 draw" if options.draws == 1 else f"mean over {options.draws} draws"
    normalized_by = results.settings.normalized_by
    adapted = (
        ", and so are those of the last batch normalization, which keeps the training part's own for the scored utterance alone"
        * normalized_by.batch_norm
    )
    predicted = ""
    if len(options.test_speeds) > 1:
        predicted = (
            f" Posteriors are means over copies of each utterance at {listed_speeds(options.test_speeds)}, each normalized by recordings "
            "at its speed."
        )
    return (
        f"{options.part.capitalize()} speakers of {coverage(results)}; {draws} of the enrolment utterances. The networks were "
        f"trained with {normalized_by.title}. All rows score the "
        f"same utterances, those that no enrolment of up to {max(options.counts)} utterances has. The statistics of an enrolment "
        f"are shrunk towards the average training speaker (prior), as if it had the given duration{adapted}.{predicted} In percent; "
        f"{SPREAD}. {metrics.INTERVALS}."
    )


def _table(points: Sequence[Point]) -> str:
    return markdown(HEADER, map(_row, points))


def _row(point: Point) -> list[str]:
    interval = metrics.share(metrics.mean_interval(point.by_fold))
    deviation = f" ± {percent(point.by_fold.std(ddof=1))}" if len(point.by_fold) > 1 else ""
    seconds, prior = (
        "–" if value is None else f"{value:.3g} s" for value in (point.seconds, point.amount.prior_seconds)
    )
    uar = percent(point.by_fold.mean()) + deviation
    return [str(point.amount.enrolment), seconds, prior, uar, percent_interval(interval)]


def _write_figure(points: Sequence[Point], title: str, part: str, path: Path) -> None:
    from acrnn import figures

    numbered = {
        point.amount.enrolment: figures.Point(
            float(point.by_fold.mean()), metrics.share(metrics.mean_interval(point.by_fold))
        )
        for point in points
        if isinstance(point.amount.enrolment, int)
    }
    figures.write_png(figures.depths(numbered, part, "enrolment utterances", title), path)


if __name__ == "__main__":
    sys.exit(main())
