"""`acrnn`, the console command. It parses first and imports TensorFlow after, so `--help` answers at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from acrnn import __version__
from acrnn.console import comma_separated, port, positive, run_job
from acrnn.errors import UsageError
from acrnn.model_card import FORMATS


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for usage."""
    options = _parser().parse_args(arguments)
    return run_job(lambda: options.run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="acrnn", description="Speech emotion recognition without leakage.")
    parser.add_argument("--version", action="version", version=f"acrnn {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    systems = commands.add_parser("systems", help="list the systems, front ends and protocols")
    systems.set_defaults(run=run_systems)
    summary = commands.add_parser("summary", help="show the results of an experiment in a few lines")
    summary.add_argument("folder", type=Path, help="output folder of an experiment")
    summary.set_defaults(run=run_summary)
    report = commands.add_parser("report", help="write the report of an experiment again")
    report.add_argument("folder", type=Path, help="output folder of an experiment")
    report.add_argument("--records", type=Path, help="its record set, for the spectrograms under the attention")
    report.set_defaults(run=run_report)
    _add_predict(commands)
    _add_info(commands)
    _add_export(commands)
    _add_demo(commands)
    return parser


def _add_predict(commands) -> None:
    predict = commands.add_parser(
        "predict",
        help="recognize the emotion in sound files",
        description="Recognizes the emotion in sound files, and in all those of folders. Exit status 1 when a file failed.",
    )
    predict.add_argument("files", type=Path, nargs="+", metavar="FILE", help="sound files, or folders of them")
    _add_model(predict)
    how = predict.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="one JSON object a line, segments and attention included")
    how.add_argument("--csv", action="store_true", help="a table: file, emotion, a column a probability, error")
    predict.add_argument("--plot", type=Path, metavar="PNG", help="draw waveform, log-Mels, attention, probabilities")
    text = predict.add_mutually_exclusive_group()
    text.add_argument("--text", help="what is said, for a model that reads")
    text.add_argument("--transcripts", type=Path, metavar="FILE", help="the same for many files: CSV, TSV, JSON or CTM")
    predict.add_argument(
        "--speaker-embeddings", type=Path, metavar="FILE", help="for a model that takes them: Kaldi .scp, .ark, or .npz"
    )
    predict.set_defaults(run=run_predict)


def _add_info(commands) -> None:
    info = commands.add_parser("info", help="what a model is, was fitted on and does")
    info.add_argument("model", nargs="?", help="name or folder (default: the included one)")
    info.add_argument("--json", action="store_true", help="the whole card")
    info.set_defaults(run=run_info)


def _add_export(commands) -> None:
    export = commands.add_parser("export", help="make a model that hears a waveform from an experiment")
    export.add_argument("--run", type=Path, required=True, dest="folder", help="output folder of the experiment")
    export.add_argument("--out", type=Path, required=True, help="folder of the version: saved_models/NAME/1")
    which = export.add_mutually_exclusive_group()
    which.add_argument("--fold", type=int, help="the network of this fold (default: 0)")
    which.add_argument("--refit", action="store_true", help="fit one on all speakers; needs --records")
    export.add_argument("--seed", type=int, default=0, help="of the run, or of the refit (default: 0)")
    export.add_argument("--records", type=Path, help="record set of the experiment, for --refit")
    export.add_argument("--imagenet-weights", metavar="FILE", help="that the experiment started from, for --refit")
    export.add_argument("--pretrain", metavar="RECORDS", help="that the experiment was pre-trained on, for --refit")
    export.add_argument(
        "--format",
        type=comma_separated,
        default=("saved-model",),
        help=f"some of {', '.join(FORMATS)} (default: saved-model)",
    )
    export.add_argument(
        "--serving", action="store_true", help="add what TensorFlow Serving reads; needs the extra [serving]"
    )
    export.add_argument("--replace", action="store_true", help="take the place of the version that is there")
    export.set_defaults(run=run_export)


def _add_demo(commands) -> None:
    demo = commands.add_parser("serve-demo", help="a page to try a model on; needs the extra [demo]")
    _add_model(demo)
    demo.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine alone)")
    demo.add_argument("--port", type=port, default=7860, help="(default: %(default)s)")
    demo.set_defaults(run=run_demo)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="name or folder (default: the included one)")
    parser.add_argument("--runtime", default="auto", help="onnx, litert, saved-model … (default: what is installed)")
    parser.add_argument("--threads", type=positive, help="for the arithmetic (default: the runtime's choice)")


def run_systems(options: argparse.Namespace) -> int:
    """Prints what can be chosen."""
    from acrnn.folds import PROTOCOLS
    from acrnn.frontends import FRONTENDS
    from acrnn.models import MODELS

    for title, entries in (
        ("systems", {name: f"{system.summary}, front end {system.frontend}" for name, system in MODELS.items()}),
        ("front ends", {name: str(spec) for name, spec in FRONTENDS.items()}),
        ("protocols", {name: protocol.summary for name, protocol in PROTOCOLS.items()}),
    ):
        print(title)
        for name, text in entries.items():
            print(f"  {name:34} {text}")
    return 0


def run_summary(options: argparse.Namespace) -> int:
    """Prints the summary of an experiment's results."""
    from acrnn import reports
    from acrnn.crossval.results import read_results

    print(reports.summary(read_results(options.folder)))
    return 0


def run_report(options: argparse.Namespace) -> int:
    """Writes the report of an experiment's results."""
    from acrnn import reports

    print(reports.write_report(options.folder, options.records))
    return 0


def run_predict(options: argparse.Namespace) -> int:
    """Prints what the model says of every file; 1 when one failed."""
    from acrnn.inference import command

    beside = command.Beside.read(options.text, options.transcripts, options.speaker_embeddings)
    return command.predict(_recognizer(options), options.files, _style(options), options.plot, beside)


def _style(options: argparse.Namespace) -> str:
    return "json" if options.json else "csv" if options.csv else "text"


def _recognizer(options: argparse.Namespace):
    from acrnn.inference import Recognizer, locate

    return Recognizer.load(options.model or locate.DEFAULT, options.runtime, options.threads)


def run_info(options: argparse.Namespace) -> int:
    """Prints a model's card."""
    from acrnn.inference import command

    return command.info(options.model, options.json)


def run_export(options: argparse.Namespace) -> int:
    """Exports a run or a refit."""
    if options.refit and not options.records:
        raise UsageError("--refit: it fits on all speakers, so it needs --records, the experiment's record set")
    for name in ("records", "imagenet_weights", "pretrain"):
        if (value := getattr(options, name)) and not options.refit:
            raise UsageError(f"--{name.replace('_', '-')} {value}: it goes with --refit only; leave it out")
    from acrnn.export import command

    return command.export(options)


def run_demo(options: argparse.Namespace) -> int:
    """Serves the page until it is interrupted."""
    from acrnn.inference import demo

    return demo.serve(_recognizer(options), options.host, options.port)


if __name__ == "__main__":
    sys.exit(main())
