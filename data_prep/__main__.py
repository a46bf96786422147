"""`python -m data_prep CORPUS --out FOLDER`: recordings → records. `inspect` shows a record set, `check` verifies one."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from acrnn import frontends, records, segments
from acrnn.console import import_quietly, positive, run_job
from acrnn.errors import UsageError
from acrnn.frontends import FRONTENDS
from data_prep import speed
from data_prep.arguments import add_corpus_arguments, prepare_corpus
from data_prep.corpora import CORPORA
from data_prep.prepare import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for usage (argparse)."""
    options = _parser().parse_args(arguments)
    return run_job(lambda: options.run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m data_prep", description="Prepare TFRecords of segments from a corpus."
    )
    commands = parser.add_subparsers(required=True, metavar="CORPUS|inspect|check")
    for corpus in CORPORA.values():
        command = commands.add_parser(
            corpus.name, help=corpus.title, description=f"{corpus.title}. Licence: {corpus.licence}."
        )
        add_corpus_arguments(command)
        command.add_argument("--out", type=Path, required=True, help="folder of the record set")
        command.add_argument(
            "--frontend", choices=FRONTENDS, default="chen2018", help="front end (default: %(default)s)"
        )
        command.add_argument("--segments", choices=segments.RULES, default="chen2018", help="how utterances are cut")
        command.add_argument(
            "--padding", choices=("mean", "zero"), help="what padding is for a model (default: the rule's)"
        )
        command.add_argument(
            "--speeds",
            type=speed.speeds,
            default=(1.0,),
            help="copies at these speeds, which train beside the utterances: 0.9,1.0,1.1 (default: none)",
        )
        command.add_argument(
            "--speed-by",
            choices=speed.SPEED_BY,
            default="resampling",
            help="resampling moves the pitch along, stretching keeps it (default: %(default)s)",
        )
        command.add_argument(
            "--dtype", choices=("float32", "float16"), default="float32", help="precision of the features"
        )
        command.add_argument(
            "--jobs", type=positive, default=os.cpu_count(), help="worker processes (default: all cores)"
        )
        command.set_defaults(run=run_prepare, corpus=corpus)
    for name, run, text in (("inspect", run_inspect, "show a record set"), ("check", run_check, "verify a record set")):
        command = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        command.add_argument("records", type=Path)
        if run is run_inspect:
            command.add_argument("--values", action="store_true", help="also the distribution of the log-Mel values")
        command.set_defaults(run=run)
    return parser


def run_prepare(options: argparse.Namespace) -> int:
    """Prepares the records the options ask for."""
    started = time.monotonic()
    rule = segments.RULES[options.segments]
    rule = replace(rule, padding=options.padding or rule.padding)
    settings = Settings(FRONTENDS[options.frontend], rule, options.dtype, options.speeds, options.speed_by)
    manifest = prepare_corpus(options.corpus, options, options.out, settings, options.jobs)
    print(f"{options.out}: {_size(manifest)} in {time.monotonic() - started:.0f} s")
    for item in manifest.skipped:
        print(f"left out: {item['reason']}", file=sys.stderr)
    return 0


def _size(manifest: records.Manifest) -> str:
    utterances = sum(shard.num_utterances for shard in manifest.shards)
    copies = f" at {len(manifest.speeds)} speeds" if len(manifest.speeds) > 1 else ""
    return f"{utterances} utterances{copies}, {manifest.num_segments} segments, {len(manifest.shards)} speakers"


def run_inspect(options: argparse.Namespace) -> int:
    """Prints what a record set holds."""
    there = records.RecordSet(options.records)
    manifest, rows = there.manifest, there.utterances
    durations = [row.duration_seconds for row in rows]
    print(f"{manifest.corpus['title']}, subset {manifest.corpus['subset']}, version {manifest.corpus['version']}")
    print(f"licence   {manifest.corpus['licence']}")
    print(f"cite      {manifest.corpus['citation']}")
    print(f"holds     {_size(manifest)}, {there.size_bytes / 2**20:.0f} MiB as {manifest.dtype}")
    print(f"duration  {min(durations):.2f} to {max(durations):.2f} s, {sum(durations) / 60:.1f} min in all")
    print(f"segment   {' x '.join(map(str, manifest.segment_shape))} (frames, bands, channels)")
    print(f"front end {frontends.to_dict(manifest.frontend)}")
    print(f"rule      {segments.to_dict(manifest.rule)}")
    print(f"rates     {dict(Counter(f'{row.sample_rate_hz} Hz' for row in rows))}")
    print(f"left out  {len(manifest.skipped)}")
    for name, entry in manifest.auxiliary_inputs.items():
        print(
            f"{name.replace('_', ' ')}: {', '.join(f'{key} {value}' for key, value in entry.items() if 'sha256' not in key)}"
        )
    _print_counts(manifest)
    if options.values:
        _print_values(there)
    return 0


def _print_values(there: records.RecordSet) -> None:
    """Where the static log-Mels of real frames lie, and where among them a raw zero, the literal padding, would."""
    if not isinstance(there.manifest.frontend, frontends.LogMelSpec | frontends.LibrosaLogMelSpec):
        raise UsageError(f"--values: {there.folder} holds no log-Mels; leave it out")
    import_quietly("tensorflow")
    data = there.load()
    real = [part[:count, :, 0] for part, count in zip(data.features, data.num_frames, strict=True)]
    values = np.concatenate(real).astype(np.float64)
    quantiles = ", ".join(f"{np.quantile(values, q):.1f} ({100 * q:g} %)" for q in (0, 0.01, 0.5, 0.99, 1))
    print(f"log-Mel   mean {values.mean():.2f}, standard deviation {values.std():.2f}; quantiles {quantiles}")
    print(f"raw zero  is louder than {100 * (values < 0).mean():.1f} % of the values")


def _print_counts(manifest: records.Manifest) -> None:
    width = max(8, *(len(speaker) + 1 for speaker in manifest.counts))
    columns = [max(7, len(label) + 1) for label in manifest.labels]
    print(
        "speaker".ljust(width)
        + "".join(label.rjust(c) for label, c in zip(manifest.labels, columns, strict=True))
        + "    all"
    )
    for speaker, counts in manifest.counts.items():
        cells = "".join(str(counts[label]).rjust(c) for label, c in zip(manifest.labels, columns, strict=True))
        print(speaker.ljust(width) + cells + str(sum(counts.values())).rjust(7))
    totals = [sum(counts[label] for counts in manifest.counts.values()) for label in manifest.labels]
    print(
        "all".ljust(width)
        + "".join(str(t).rjust(c) for t, c in zip(totals, columns, strict=True))
        + str(sum(totals)).rjust(7)
    )


def run_check(options: argparse.Namespace) -> int:
    """Verifies checksums and counts; prints what is wrong."""
    import_quietly("tensorflow")
    there = records.RecordSet(options.records)
    problems = there.check()
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if not problems:
        print(f"{options.records}: {_size(there.manifest)}, every checksum and count is right")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
