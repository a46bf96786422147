"""Infers the speakers behind Figure 4 of Chen et al. (2018), the confusion matrix on Emo-DB, from its rounding. Trains nothing.

    python experiments/chen2018_figure4.py

Each row of the figure is printed in percent with two decimals. Over so many test utterances of a class and five seeds, the
entries are multiples of 1 / (5 · utterances); most numbers of utterances cannot produce the printed digits. The script
tests all 1023 subsets of the ten speakers by the classes' counts, which it takes from committed results (the speakers and
labels of all 535 utterances), and writes `figure4.md`.

Expected: one subset fits all seven rows, the speakers 13, 14, 15 and 16. The diagonal averages 82.15. Takes a second.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn import files
from acrnn.console import run_job
from acrnn.models.chen2018.published import FIGURE_4, FIGURE_4_UAR, SEEDS

RESULTS = Path(__file__).parent / "results"
_ROUNDING = 0.00501  # half of the last printed digit, in percent


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for usage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--results",
        type=Path,
        default=RESULTS / "emodb_tuned_reduced" / "3d_conv1",
        help="folder of an experiment on all of Emo-DB, for the speakers' class counts (default: a committed one)",
    )
    parser.add_argument(
        "--output", type=Path, default=RESULTS / "chen2018_figure4" / "figure4.md", help="file to write"
    )
    options = parser.parse_args(arguments)
    return run_job(lambda: run(options))


def run(options: argparse.Namespace) -> int:
    """Tests all subsets of speakers and writes the account of it."""
    counts = class_counts(options.results)
    subsets = fitting_subsets(counts)
    text = account(counts, subsets)
    files.make_folder(options.output.parent)
    files.write_text(options.output, text)
    print(text)
    return 0


def class_counts(folder: Path) -> dict[str, Counter]:
    """Utterances of each emotion by test speaker, from an experiment's results."""
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    counts: dict[str, Counter] = {}
    utterances: set[str] = set()
    for run in content["runs"]:
        for utterance, speaker, label in zip(run["utterances"], run["speakers"], run["labels"], strict=True):
            if utterance not in utterances:  # other seeds repeat it
                utterances.add(utterance)
                counts.setdefault(speaker, Counter())[content["settings"]["labels"][label]] += 1
    return dict(sorted(counts.items()))


def fits(row: Sequence[float], utterances: int) -> bool:
    """True where all entries of a row, in percent, can be counts out of SEEDS · utterances, rounded to two decimals."""
    total = SEEDS * utterances
    if total == 0:
        return False
    counts = [round(value * total / 100) for value in row]
    return sum(counts) == total and all(
        abs(100 * count / total - value) < _ROUNDING for count, value in zip(counts, row, strict=True)
    )


def fitting_subsets(counts: Mapping[str, Mapping[str, int]]) -> list[tuple[str, ...]]:
    """The subsets of speakers whose class counts fit all rows of Figure 4."""
    speakers = list(counts)
    subsets = [subset for size in range(1, len(speakers) + 1) for subset in itertools.combinations(speakers, size)]
    return [
        subset
        for subset in subsets
        if all(
            fits(row, sum(counts[speaker].get(emotion, 0) for speaker in subset)) for emotion, row in FIGURE_4.items()
        )
    ]


def account(counts: Mapping[str, Mapping[str, int]], subsets: Sequence[Sequence[str]]) -> str:
    """The result as Markdown: which subsets fit, and the smallest totals that fit each row."""
    diagonal = [row[number] for number, row in enumerate(FIGURE_4.values())]
    tested = 2 ** len(counts) - 1
    lines = [
        "# The speakers behind Figure 4 of Chen et al. (2018)",
        "",
        f"Written by `python experiments/chen2018_figure4.py`. The diagonal of the printed matrix averages "
        f"{sum(diagonal) / len(diagonal):.2f}; the caption states a UAR of {FIGURE_4_UAR}.",
        "",
        f"Subsets of the {len(counts)} speakers whose class counts, times {SEEDS} seeds, fit the printed digits of all rows: "
        f"{len(subsets)} of {tested}" + "".join(f"; speakers {', '.join(subset)}" for subset in subsets) + ".",
        "",
        "| emotion | counts of utterances up to the corpus' that fit the row | all speakers | "
        + " | ".join(f"speakers {', '.join(subset)}" for subset in subsets)
        + " |",
        "| --- " * (3 + len(subsets)) + "|",
    ]
    for emotion, row in FIGURE_4.items():
        everyone = sum(speaker.get(emotion, 0) for speaker in counts.values())
        possible = [str(number) for number in range(1, everyone + 1) if fits(row, number)]
        of_subsets = [str(sum(counts[speaker].get(emotion, 0) for speaker in subset)) for subset in subsets]
        lines.append(f"| {emotion} | {', '.join(possible) or 'none'} | {everyone} | {' | '.join(of_subsets)} |")
    lines += [
        "",
        "This is an inference from rounding: the paper does not say which speakers the figure covers. It says nothing about the"
        " other tables of the paper.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
