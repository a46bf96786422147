"""Command line `python -m data_prep`: prepares the record set of a corpus, shows a record set, verifies one, or packs one."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from acrnn import frontends, segments
from acrnn.console import Parser, positive, run_job
from acrnn.engines.arguments import add_engine_options
from acrnn.errors import UsageError
from acrnn.frontends import FRONTENDS
from acrnn.records.manifest import Manifest
from acrnn.records.record_set import RecordSet
from data_prep import speed
from data_prep.arguments import add_corpus_arguments, add_trim_option, megabytes, prepare_corpus
from data_prep.corpora import CORPORA
from data_prep.extract import Settings
from data_prep.pack import pack
from data_prep.shard_plans import SHARD_BYTES


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    return run_job(lambda: options.run(options), parser, resumes=options.run is run_prepare)


def _parser() -> argparse.ArgumentParser:
    program = sys.argv[0] if sys.argv[0].startswith("acrnn ") else "python -m data_prep"
    tools = {
        "inspect": (run_inspect, "show a record set"),
        "check": (run_check, "verify a record set"),
        "pack": (run_pack, "write a record set as .npz files, to train without TensorFlow"),
    }
    parser = Parser(
        prog=program,
        usage="%(prog)s CORPUS --out FOLDER [options]\n       %(prog)s inspect|check|pack FOLDER",
        description=f"Prepare the record set of a corpus, or look at one.\n`{program} CORPUS --help` lists the options.",
        epilog=_overview({name: summary for name, (_, summary) in tools.items()}, program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(
        required=True, metavar="CORPUS|inspect|check|pack", prog=program, help=argparse.SUPPRESS
    )
    for corpus in CORPORA.values():
        command = commands.add_parser(corpus.name, description=f"Prepare {corpus.title}. License: {corpus.licence}.")
        _add_records_arguments(command)
        add_corpus_arguments(command)
        add_engine_options(command)
        command.set_defaults(run=run_prepare, corpus=corpus)
    for name, (run, summary) in tools.items():
        command = commands.add_parser(name, description=summary.capitalize() + ".")
        command.add_argument("records", type=Path, help="folder of the record set")
        if run is run_inspect:
            command.add_argument("--values", action="store_true", help="also the distribution of the log-Mel values")
        if run is run_pack:
            _add_pack_arguments(command)
        command.set_defaults(run=run)
    return parser


def _overview(tools: dict[str, str], program: str) -> str:
    """The part of the help that lists the corpora and the commands, with an example."""
    corpora = {corpus.name: corpus.title for corpus in CORPORA.values()}
    width = max(map(len, [*corpora, *tools]))

    def listed(entries: dict[str, str]) -> str:
        return "\n".join(f"  {name.ljust(width)}  {text}" for name, text in entries.items())

    example = f"{program} emodb --data-dir EMODB --out records/emodb"
    return f"corpora:\n{listed(corpora)}\n\nrecord sets:\n{listed(tools)}\n\nexample:\n  {example}"


def _add_pack_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, help="folder of the packed record set")
    parser.add_argument(
        "--dtype", choices=("float32", "float16"), help="precision of the features (default: that of the records)"
    )


def _add_records_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("record set")
    group.add_argument("--out", type=Path, required=True, help="folder of the record set")
    group.add_argument("--frontend", choices=FRONTENDS, default="chen2018", help="front end (default: %(default)s)")
    group.add_argument(
        "--segments", choices=segments.RULES, default="chen2018", help="segment rule (default: %(default)s)"
    )
    add_trim_option(group)
    group.add_argument(
        "--padding",
        choices=("mean", "zero"),
        help="padded frames are zero after normalization (mean) or before it (zero); default: the segment rule's",
    )
    group.add_argument(
        "--speeds",
        type=speed.speeds,
        default=(1.0,),
        help="copies at other speeds, such as 0.9,1.0,1.1 (default: none)",
    )
    group.add_argument(
        "--speed-by",
        choices=speed.SPEED_BY,
        default="resampling",
        help="resampling changes the pitch with the speed, stretching keeps it (default: %(default)s)",
    )
    group.add_argument(
        "--dtype",
        choices=("float32", "float16"),
        default="float32",
        help="precision of the stored features (default: %(default)s)",
    )
    group.add_argument(
        "--shard-size",
        dest="shard_bytes",
        type=megabytes,
        default=SHARD_BYTES,
        metavar="MB",
        help=f"size above which the records of a speaker go into several files (default: {SHARD_BYTES / 1e6:g})",
    )
    group.add_argument("--jobs", type=positive, default=os.cpu_count(), help="worker processes (default: all cores)")


def run_prepare(options: argparse.Namespace) -> int:
    """Prepares the record set that the options describe."""
    started = time.monotonic()
    rule = segments.RULES[options.segments]
    rule = replace(rule, padding=options.padding or rule.padding)
    frontend = replace(FRONTENDS[options.frontend], trim_db=options.trim_db)
    settings = Settings(frontend, rule, options.dtype, options.speeds, options.speed_by)
    manifest = prepare_corpus(
        options.corpus, options, options.out, settings, options.jobs, shard_bytes=options.shard_bytes
    )
    print(f"{options.out}: {_size(manifest)} in {time.monotonic() - started:.0f} s")
    for item in manifest.skipped:
        print(f"left out: {item['reason']}", file=sys.stderr)
    return 0


def _size(manifest: Manifest) -> str:
    utterances = sum(shard.num_utterances for shard in manifest.shards)
    copies = f" at {len(manifest.speeds)} speeds" if len(manifest.speeds) > 1 else ""
    files = f" in {len(manifest.shards)} files" if manifest.shard_bytes else ""
    return f"{utterances} utterances{copies}, {manifest.num_segments} segments, {manifest.num_speakers} speakers{files}"


def run_inspect(options: argparse.Namespace) -> int:
    """Prints the content of a record set."""
    record_set = RecordSet(options.records)
    manifest, rows = record_set.manifest, record_set.utterances
    durations = [row.duration_seconds for row in rows]
    print(f"{manifest.corpus['title']}, subset {manifest.corpus['subset']}, version {manifest.corpus['version']}")
    print(f"license   {manifest.corpus['licence']}")
    print(f"cite      {manifest.corpus['citation']}")
    print(f"content   {_size(manifest)}, {record_set.size_bytes / 2**20:.0f} MiB as {manifest.dtype}")
    print(f"duration  {min(durations):.2f} to {max(durations):.2f} s, {sum(durations) / 60:.1f} min in all")
    print(f"segment   {' x '.join(map(str, manifest.segment_shape))} (frames, bands, channels)")
    print(f"front end {_listed(frontends.to_dict(manifest.frontend))}")
    print(f"rule      {_listed(segments.to_dict(manifest.rule))}")
    rates = Counter(row.sample_rate_hz for row in rows)
    print(f"rates     {', '.join(f'{rate} Hz: {count} recordings' for rate, count in sorted(rates.items()))}")
    print(f"left out  {len(manifest.skipped)}")
    for name, entry in manifest.auxiliary_inputs.items():
        shown = ", ".join(f"{key} {value}" for key, value in entry.items() if "sha256" not in key)
        print(f"{name.replace('_', ' ')}: {shown}")
    _print_counts(manifest)
    if options.values:
        _print_values(record_set)
    return 0


def _listed(settings: Mapping[str, object]) -> str:
    """Settings in one line: "kind logmel, sample rate hz 16000"."""
    return ", ".join(
        f"{name.replace('_', ' ')} {'none' if value is None else value}" for name, value in settings.items()
    )


def _print_values(record_set: RecordSet) -> None:
    """Prints the distribution of the static log-Mels of real frames, and where in it a zero, the paper's padding, lies."""
    if not isinstance(record_set.manifest.frontend, frontends.LogMelSpec | frontends.LibrosaLogMelSpec):
        raise UsageError(f"--values: {record_set.folder} holds no log-Mels; leave it out")
    data = record_set.load()
    real = [part[:count, :, 0] for part, count in zip(data.features, data.num_frames, strict=True)]
    values = np.concatenate(real).astype(np.float64)
    quantiles = ", ".join(f"{np.quantile(values, q):.1f} ({100 * q:g} %)" for q in (0, 0.01, 0.5, 0.99, 1))
    print(f"log-Mel   mean {values.mean():.2f}, standard deviation {values.std():.2f}; quantiles {quantiles}")
    print(f"raw zero  is louder than {100 * (values < 0).mean():.1f} % of the values")


def _print_counts(manifest: Manifest) -> None:
    """Prints a table of the utterances by speaker and emotion."""
    totals = {label: sum(counts[label] for counts in manifest.counts.values()) for label in manifest.labels}
    width = max(8, *(len(speaker) + 1 for speaker in manifest.counts))
    columns = {label: max(7, len(label) + 1) for label in manifest.labels}
    header = "".join(label.rjust(column) for label, column in columns.items())
    print("speaker".ljust(width) + header + "    all")
    for speaker, counts in {**manifest.counts, "all": totals}.items():
        cells = "".join(str(counts[label]).rjust(column) for label, column in columns.items())
        print(speaker.ljust(width) + cells + str(sum(counts.values())).rjust(7))


def run_check(options: argparse.Namespace) -> int:
    """Verifies the checksums and counts of a record set; prints its defects."""
    record_set = RecordSet(options.records)
    defects = record_set.check()
    for defect in defects:
        print(f"error: {defect}", file=sys.stderr)
    if not defects:
        print(f"{options.records}: {_size(record_set.manifest)}, every checksum and count is right")
    return 1 if defects else 0


def run_pack(options: argparse.Namespace) -> int:
    """Packs a record set, and says how large the copy is and which identity it has."""
    manifest = pack(options.records, options.out, options.dtype)
    size = sum(path.stat().st_size for path in options.out.iterdir())
    is_same = manifest.content_sha256 == RecordSet(options.records).manifest.content_sha256
    identity = (
        "the identity of the records" if is_same else f"the identity of records prepared with --dtype {manifest.dtype}"
    )
    print(f"{options.out}: {_size(manifest)} as {manifest.dtype}, {size / 1e6:.1f} MB")
    print(f"content {manifest.content_sha256[:16]}, {identity}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
