"""Packs an experiment for a machine with one NVIDIA GPU and nothing else, and brings its results back.

    python experiments/gpu_kit.py pack --records records/iemocap-improvised-4_chen2018 --out kit -- \\
        chen2018_tables --dataset iemocap --subset improvised-4
    python experiments/gpu_kit.py collect kit/results.tar --output-dir experiments/results/iemocap_chen2018

The kit has this package, the packages it needs, the records in float16 and run.sh, which trains with JAX and without TensorFlow.
There, `bash kit/run.sh` makes an environment offline, trains, and writes results.tar; it continues after an interruption.
Only Python and the driver of the GPU must be there. The results are the numbers of the runs, without networks.
"""

from __future__ import annotations

import argparse
import importlib
import shlex
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn import files
from acrnn.console import Parser, run_job
from acrnn.distribution.choice import NONE
from acrnn.errors import FieldError, UsageError
from acrnn.output import lock
from acrnn.records.record_set import RecordSet
from data_prep.arguments import RECORDING_OPTIONS, megabytes
from data_prep.auxiliary_inputs import OPTIONS as AUXILIARY_OPTIONS
from data_prep.pack import pack
from experiments import from_options, kit_packages, kit_results
from experiments.kit_results import KIT

RUN = "run.sh"
# Options that name something outside the kit, or that need TensorFlow or another machine.
_REFUSED = (
    *(name for name in (*RECORDING_OPTIONS, *AUXILIARY_OPTIONS) if name != "subset"),
    *("download", "records", "output_dir", "joint", "tuning", "imagenet_weights", "pretrain", "init_from"),
    *("tensorboard", "mlflow", "engine", "deterministic", "distribute"),
)
_SCRIPT = """\
#!/usr/bin/env bash
# Trains on this machine, and writes results.tar. The same command continues after an interruption.
# More options are added to those of the kit: bash run.sh --folds 0-4
# KIT_PYTHON=/path/to/python takes an environment that has the packages; else one is made, with {python}.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
if [ -z "${{KIT_PYTHON:-}}" ]; then
  if [ ! -f venv/complete ]; then
    rm -rf venv
    {python} -m venv venv && {install} && touch venv/complete || exit 1
  fi
  KIT_PYTHON=venv/bin/python
fi

results() {{
  find results -type f \\( -name experiment.json -o -name split.json -o -path '*/runs/fold*_seed*.json' \\) |
    LC_ALL=C sort | tar -cf results.tar.partial --transform 's,^results/,,' {kit} -T - && mv results.tar.partial results.tar
}}
mkdir -p results
trap results EXIT
export KERAS_BACKEND="${{KERAS_BACKEND:-jax}}"
export XLA_PYTHON_CLIENT_PREALLOCATE="${{XLA_PYTHON_CLIENT_PREALLOCATE:-false}}" # processes share the GPU
scripts="$("$KIT_PYTHON" -c 'from acrnn import scripts; print(scripts.make_importable())')" || exit 1
export PYTHONPATH="$scripts${{PYTHONPATH:+:$PYTHONPATH}}"
"$KIT_PYTHON" -m {command} "$@"
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(argv)
    return run_job(lambda: options.run(options), parser, resumes=True)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="pack|collect")
    packing = commands.add_parser("pack", help="make a kit")
    packing.add_argument(
        "--records",
        type=Path,
        action="append",
        required=True,
        metavar="DIR",
        help="record set of the command; further ones of other systems of a table script by repeating the option",
    )
    packing.add_argument("--out", type=Path, required=True, help="folder of the kit")
    packing.add_argument(
        "--dtype",
        choices=("float32", "float16"),
        default="float16",
        help="precision of the features (default: float16)",
    )
    packing.add_argument("--max-mb", dest="max_bytes", type=megabytes, metavar="MB", help="largest size of the records")
    kit_packages.add_options(packing)
    packing.add_argument("command", nargs="+", help="after --: a script of experiments/ with its options")
    packing.set_defaults(run=run_pack)
    collecting = commands.add_parser("collect", help="add the results of a kit to an experiment or a study")
    collecting.add_argument("archive", type=Path, help="results.tar of the kit")
    collecting.add_argument("--output-dir", type=Path, required=True, metavar="DIR", help="folder of the results")
    collecting.set_defaults(run=run_collect)
    return parser


def run_pack(options: argparse.Namespace) -> int:
    """Makes a kit and prints its size."""
    sources = {path.resolve().name: path for path in options.records}
    if len(sources) < len(options.records):
        raise FieldError("records", options.records, "two folders have the same name; rename one")
    _check_command(options.command, options.records[0])
    with lock.exclusive(options.out):
        if (options.out / KIT).exists():
            raise ValueError(f"{options.out}: holds a kit; choose another folder or delete it")
        records = {name: options.out / "records" / name for name in sources}
        content = {name: pack(sources[name], folder, options.dtype).content_sha256 for name, folder in records.items()}
        size = sum(map(_size, records.values()))
        if options.max_bytes and size > options.max_bytes:
            raise ValueError(
                f"{options.out}: the records have {size / 1e6:.1f} MB, {options.max_bytes / 1e6:g} are allowed"
            )
        install = kit_packages.add(options.out, options)
        _write_script(options.out / RUN, options.command, next(iter(records)), install)
        files.write_sealed_json(options.out / KIT, {"command": options.command, "records": content})
    print(
        f"{options.out}: {_size(options.out) / 1e6:.1f} MB, of these {size / 1e6:.1f} MB of records as {options.dtype}"
    )
    print(f"on the machine: bash {options.out.name}/{RUN}")
    print(f"then here: python experiments/gpu_kit.py collect {options.out.name}/results.tar --output-dir …")
    return 0


def _check_command(command: Sequence[str], records: Path) -> None:
    """Refuses a command that could not run from a kit with these records."""
    name = Path(command[0]).stem
    if not Path(__file__).with_name(f"{name}.py").is_file():
        raise UsageError(
            f"{command[0]}: no script of experiments/; name run_cv or a table script, such as chen2018_tables"
        )
    make_parser = getattr(importlib.import_module(f"experiments.{name}"), "_parser", None)
    parser = make_parser() if make_parser else argparse.ArgumentParser()
    if not {"records", "output_dir", "no_models", "dataset"} <= {action.dest for action in parser._actions}:
        raise UsageError(f"{command[0]}: it does not train on records; name run_cv or a table script")
    parser.prog = command[0]
    options = parser.parse_args(command[1:])
    for field in _REFUSED:
        if (value := getattr(options, field, None)) and value != NONE:
            raise UsageError(
                f"--{field.replace('_', '-')}: a kit sets it or cannot have it; leave it out of the command"
            )
    from_options.check_packed(records, RecordSet(records).manifest, options)


def _write_script(path: Path, command: Sequence[str], records: str, install: str) -> None:
    module = f"experiments.{Path(command[0]).stem}"
    own = ["--records", f"records/{records}", "--output-dir", "results", "--no-models"]
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    text = _SCRIPT.format(python=python, install=install, kit=KIT, command=shlex.join([module, *command[1:], *own]))
    files.write_text(path, text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def run_collect(options: argparse.Namespace) -> int:
    """Adds the results of a kit to a folder, and prints a summary of each experiment."""
    for line in kit_results.collect(options.archive, options.output_dir):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
