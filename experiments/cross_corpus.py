"""Trains on all speakers of one corpus and tests on another, over the emotions that both have; by default in both directions.

    acrnn cross-corpus --train records/emodb_chen2018 --test records/ravdess_chen2018 \\
        --reduced --recipe centered --speaker-statistics corpus,speaker,enrolment:5

The last epoch counts; no recording of the other corpus is used in training, and its labels only for the score. A network that was
trained on more emotions than both corpora have chooses among the shared ones.

Writes cross_corpus.md and cross_corpus.png into the output folder, where every direction has a folder for each kind of
speaker statistics. The same command resumes after an interruption; more --seeds or --speaker-statistics are added. Expect on Emo-DB
and RAVDESS experiments/results/cross_corpus/cross_corpus.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn import files, recipes
from acrnn.batches.speaker_statistics import Choice
from acrnn.console import comma_separated, numbers
from acrnn.crossval.cross_corpus import CrossCorpus, CrossCorpusResults, read_cross_corpus, run_cross_corpus
from acrnn.crossval.results import RESULTS
from acrnn.errors import UsageError
from acrnn.metrics import LEVEL
from acrnn.models import MODELS
from acrnn.progress import ProgressLine
from acrnn.recipes import RECIPES, Recipe
from acrnn.records import RecordSet
from acrnn.reports import study_tables
from acrnn.reports.tables import markdown, percent, percent_interval
from acrnn.training.estimator import Epoch
from experiments.arguments import add_deterministic, add_network_fields, options_set, run_script
from experiments.recipe_options import add_recipe_options, option_names

FILE, FIGURE = "cross_corpus.md", "cross_corpus.png"
Key = tuple[str, str, str]  # training corpus, test corpus, speaker statistics


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    return run_script(_parser(), run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True, metavar="RECORDS", help="record set of one corpus")
    parser.add_argument("--test", type=Path, required=True, metavar="RECORDS", help="record set of another corpus")
    parser.add_argument("--one-way", action="store_true", help="only from --train to --test, not back")
    parser.add_argument("--model", choices=MODELS, default="chen2018-3d", help="system (default: %(default)s)")
    parser.add_argument("--reduced", action="store_true", help="its smaller network")
    parser.add_argument("--recipe", choices=RECIPES, default="centered", help="training recipe (default: %(default)s)")
    add_network_fields(parser)
    parser.add_argument(
        "--speaker-statistics",
        type=comma_separated,
        default=("corpus",),
        metavar="WHOSE,…",
        help="corpus (default), utterance, speaker, enrolment:N",
    )
    parser.add_argument("--seeds", type=numbers, metavar="N-M", default=(0,), help="random seeds (default: 0)")
    parser.add_argument(
        "--output-dir", type=Path, default=Path("runs", "cross_corpus"), help="output folder (default: %(default)s)"
    )
    add_deterministic(parser)
    add_recipe_options(parser)
    parser.set_defaults(dataset=None, jobs=1)
    return parser


def run(options: argparse.Namespace) -> int:
    """Runs every direction with every kind of speaker statistics, and writes and prints the page."""
    results: dict[Key, CrossCorpusResults] = {}
    for key, declared in list(declarations(options)):
        folder = _folder(options.output_dir, key)
        with ProgressLine(f"training on {key[0]}, {key[2]}", "epochs") as line:

            def shown(epoch: Epoch, line: ProgressLine = line, total: int = declared.recipe.total_epochs) -> None:
                line.update(epoch.epoch, total, f"(loss {epoch.loss:.3f})")

            results[key] = run_cross_corpus(declared, folder, options.seeds, shown)
        results = {**results, **_finished(options.output_dir, results)}
        files.write_text(options.output_dir / FILE, page(results))
        _write_figure(results, options.output_dir / FIGURE)
    print(page(results))
    return 0


def _finished(folder: Path, results: Mapping[Key, CrossCorpusResults]) -> dict[Key, CrossCorpusResults]:
    """Reads the other tests of a folder that were finished by earlier commands, with the same system and recipe."""
    here = _shared_settings(next(iter(results.values())))
    known = {_folder(folder, key) for key in results}
    others: dict[Key, CrossCorpusResults] = {}
    for path in sorted(folder.glob(f"*_to_*/*/{RESULTS}")):
        if path.parent in known or _shared_settings(read := read_cross_corpus(path.parent)) != here:
            continue
        train, _, test = path.parent.parent.name.partition("_to_")
        others[train, test, read.settings["speaker_statistics"]] = read
    return others


def _shared_settings(result: CrossCorpusResults) -> dict:
    """Settings that are equal in both directions and with all speaker statistics."""
    parts = {name: result.settings[name] for name in ("labels", "model", "recipe", "frontend", "segments")}
    network = {name: value for name, value in result.settings["network"].items() if name != "num_classes"}
    return {**parts, "labels": sorted(parts["labels"]), "network": network}


def _folder(folder: Path, key: Key) -> Path:
    return folder / f"{key[0]}_to_{key[1]}" / key[2].replace(":", "-")


def declarations(options: argparse.Namespace) -> Iterator[tuple[Key, CrossCorpus]]:
    """Yields the name and the declaration of a test for each kind of speaker statistics in each direction."""
    changes = options_set(options, option_names(Recipe))
    recipe = replace(RECIPES[options.recipe], **changes)
    if options.reduced and not MODELS[options.model].reduced:
        raise UsageError(f"--reduced: there is no smaller network of {MODELS[options.model].summary}; leave it out")
    network = {**(MODELS[options.model].reduced if options.reduced else {}), **dict(options.network_fields)}
    pair = _named(RecordSet(options.train), RecordSet(options.test))
    for text in options.speaker_statistics:
        for (train, train_set), (test, test_set) in [pair] if options.one_way else [pair, pair[::-1]]:
            choice = Choice.parse(text)
            yield (
                (train, test, str(choice)),
                CrossCorpus(train_set, test_set, options.model, recipe, network, choice),
            )


def _named(*record_sets: RecordSet) -> list[tuple[str, RecordSet]]:
    """Returns record sets with the names of their corpora; equal ones are numbered."""
    names = [each.manifest.corpus["name"] for each in record_sets]
    if len(set(names)) < len(names):
        names = [f"{name}-{number}" for number, name in enumerate(names, start=1)]
    return list(zip(names, record_sets, strict=True))


def page(results: Mapping[Key, CrossCorpusResults]) -> str:
    """Returns the page of cross-corpus tests as Markdown."""
    settings = next(iter(results.values())).settings
    parts = [
        "# Cross-corpus tests",
        f"{_system(settings)}. Each network is trained on all speakers of one corpus and tested once on the recordings of the "
        f"other one whose emotion both have ({', '.join(settings['labels'])}); it chooses among these. The last epoch counts.",
        f"In percent. {100 * LEVEL:g} % intervals: jackknife t over the test speakers; chance is {percent(1 / len(settings['labels']))}.",
        _uar_table(results),
        f"![UAR by direction]({FIGURE})",
        "Recall of each emotion:",
        _recall_table(results),
        *_statistics_notes(results),
        *_licence_notes(results),
    ]
    return study_tables.page(parts)


def _system(settings: Mapping) -> str:
    system = MODELS[settings["model"]]
    config = system.config(**settings["network"])
    reduced = json.loads(json.dumps(dict(system.reduced)))  # lists instead of tuples, as in the settings
    is_reduced = reduced and all(settings["network"].get(name) == value for name, value in reduced.items())
    size = ", reduced network" if is_reduced else ""
    recipe = settings["recipe"]
    epochs = f"{recipe['epochs']} epochs, {recipe['precision']}"
    changes = "".join(f", {change}" for change in recipes.network_changes(config, recipe))
    return f"{settings['model']}{size}{changes}, recipe {recipes.name_of(recipe)}, {epochs}"


def _uar_table(results: Mapping[Key, CrossCorpusResults]) -> str:
    header = ["trained on", "tested on", "normalized by", "UAR, pooled (95 % interval)", "UAR, mean over test speakers"]
    rows = []
    for (train, test, statistics), result in results.items():
        overall = result.overall
        interval = percent_interval(overall.uar_pooled_interval)
        speakers = [row.uar for row in overall.per_speaker]
        rows.append(
            [
                f"{train}, {result.settings['train']['speakers']} speakers",
                f"{test}, {len(speakers)} speakers, {len(result.runs[0].utterances)} utterances",
                Choice.parse(statistics).title,
                f"{percent(overall.uar_pooled)} ({interval})",
                percent(sum(speakers) / len(speakers)),
                percent(overall.wa),
                f"{len(result.runs)}",
            ]
        )
    return markdown([*header, "WA", "seeds"], rows)


def _write_figure(results: Mapping[Key, CrossCorpusResults], path: Path) -> None:
    from acrnn import figures

    points = {
        f"{train} to {test}, {statistics}": figures.Point(result.overall.uar_pooled, result.overall.uar_pooled_interval)
        for (train, test, statistics), result in results.items()
    }
    emotions = next(iter(results.values())).settings["labels"]
    figures.write_png(figures.uars(points, 1 / len(emotions), "pooled UAR on the other corpus (%)"), path)


def _recall_table(results: Mapping[Key, CrossCorpusResults]) -> str:
    emotions = sorted({name for result in results.values() for name in result.settings["labels"]})
    rows = []
    for (train, test, statistics), result in results.items():
        recall = {row.emotion: row.recall for row in result.overall.per_class}
        cells = [percent(recall.get(name), 0) for name in emotions]
        rows.append([f"{train} to {test}", Choice.parse(statistics).title, *cells])
    return markdown(["direction", "normalized by", *emotions], rows)


def _statistics_notes(results: Mapping[Key, CrossCorpusResults]) -> list[str]:
    """A sentence for each kind of speaker statistics."""
    return [" ".join(Choice.parse(text).sentence for text in dict.fromkeys(key[2] for key in results))]


def _licence_notes(results: Mapping[Key, CrossCorpusResults]) -> list[str]:
    """A line with the license of each corpus."""
    corpora = {
        entry["corpus"]["name"]: entry["corpus"]
        for r in results.values()
        for entry in (r.settings["train"], r.settings["test"])
    }
    return ["Licenses: " + "; ".join(f"{name}: {corpus['licence']}" for name, corpus in corpora.items()) + "."]


if __name__ == "__main__":
    sys.exit(main())
