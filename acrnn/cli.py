"""`acrnn`, the console command. It parses its arguments before it imports TensorFlow, so `--help` answers at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from acrnn import __version__, completion
from acrnn.console import Parser, add_command, run_job
from acrnn.export.arguments import add_export_arguments, check_export_arguments
from acrnn.inference import server_commands
from acrnn.inference.arguments import (
    add_embed_arguments,
    add_enrolment_arguments,
    add_predict_arguments,
    load_recognizer,
    parallel_from,
)
from acrnn.scripts import SCRIPTS, run_script


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in SCRIPTS:
        return run_script(given[0], given[1:])
    parser = _parser()
    options = parser.parse_args(given)
    return run_job(lambda: options.run(options), parser)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="acrnn",
        description="Speech emotion recognition, evaluated on speakers that a network was not trained on.",
        epilog="example: acrnn predict speech.wav",
    )
    parser.add_argument("--version", action="version", version=f"acrnn {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    _add_predict(commands)
    _add_embed(commands)
    _add_enrol(commands)
    _add_info(commands)
    _add_check(commands)
    server_commands.add_commands(commands)
    _add_systems(commands)
    _add_summary(commands)
    _add_report(commands)
    _add_export(commands)
    _add_completion(commands)
    for name, script in SCRIPTS.items():
        commands.add_parser(name, help=script.summary)  # for the list of commands; `main` runs the script
    return parser


def _add_predict(commands) -> None:
    command = add_command(
        commands,
        "predict",
        run_predict,
        "recognize the emotion in sound files",
        "Recognizes the emotion in sound files and in all sound files of folders.\n"
        "The exit status is 1 if a file could not be recognized.",
        "acrnn predict interview.wav recordings/ --csv > emotions.csv",
    )
    add_predict_arguments(command)


def _add_embed(commands) -> None:
    command = add_command(
        commands,
        "embed",
        run_embed,
        "write the embeddings of sound files, for other programs",
        "Writes the values of the last hidden layer for every sound file and its segments, with the recognized emotion.\n"
        "The exit status is 1 if a file could not be recognized.",
        "acrnn embed recordings/ --out embeddings.parquet --figure map.png",
    )
    add_embed_arguments(command)


def _add_enrol(commands) -> None:
    command = add_command(
        commands,
        "enrol",
        run_enrol,
        "write the profile of a speaker, for predictions",
        "Writes the profile of a speaker, from recordings of any emotion, ten or more if possible. It holds the mean and deviation of\n"
        "their features and no sound, and fits the model that made it.",
        "acrnn enrol recordings/ --out me.json && acrnn predict speech.wav --speaker me.json",
    )
    add_enrolment_arguments(command)


def _add_info(commands) -> None:
    info = add_command(
        commands,
        "info",
        run_info,
        "show a model's card",
        "Shows a model's card: emotions, training data, estimated performance, formats.",
        "acrnn info acrnn_emodb",
    )
    info.add_argument("model", nargs="?", help="name or folder of the model (default: the included one)")
    style = info.add_mutually_exclusive_group()
    style.add_argument("--json", action="store_true", help="print the whole card as JSON")
    style.add_argument("--markdown", action="store_true", help="print the card as a page, as in the model's README.md")


def _add_check(commands) -> None:
    add_command(
        commands,
        "check",
        run_check,
        "verify the files of a model, a record set or an experiment",
        "Verifies the files of a model, a record set or an experiment by their checksums, and prints the defects.",
        "acrnn check saved_models/mine/1",
    ).add_argument("folder", help="folder, or name of an included model")


def _add_systems(commands) -> None:
    add_command(
        commands,
        "systems",
        run_systems,
        "list the systems, front ends and protocols",
        "Lists the systems, the front ends and the cross-validation protocols.",
        "acrnn systems",
    )


def _add_summary(commands) -> None:
    summary = add_command(
        commands,
        "summary",
        run_summary,
        "show the results of an experiment in a few lines",
        "Shows the results of an experiment in a few lines.",
        "acrnn summary runs/emodb",
    )
    summary.add_argument("folder", type=Path, help="output folder of the experiment")


def _add_report(commands) -> None:
    report = add_command(
        commands,
        "report",
        run_report,
        "write the report of an experiment again",
        "Writes the report of an experiment again, from its results.",
        "acrnn report runs/emodb --records records/emodb_chen2018",
    )
    report.add_argument("folder", type=Path, help="output folder of the experiment")
    report.add_argument(
        "--records", type=Path, help="record set of the experiment, to draw attention over spectrograms"
    )
    report.add_argument("--out", type=Path, help="folder of the report (default: that of the experiment)")


def _add_export(commands) -> None:
    export = add_command(
        commands,
        "export",
        run_export,
        "export a trained network as a model that takes waveforms",
        "Exports a network of an experiment, or one refitted on all its speakers, as a model that takes waveforms.",
        "acrnn export --run runs/emodb --refit --records records/emodb_chen2018 --out saved_models/mine/1",
    )
    add_export_arguments(export)


def _add_completion(commands) -> None:
    command = add_command(
        commands,
        "completion",
        run_completion,
        "print a script that completes this command in a shell; needs the extra [completion]",
        "Prints a script that completes commands, options and files in a shell. Needs the extra [completion].",
        "acrnn completion bash > ~/.local/share/bash-completion/completions/acrnn",
    )
    command.add_argument("shell", choices=completion.SHELLS)


def run_completion(options: argparse.Namespace) -> int:
    """Prints the script for a shell."""
    print(completion.script(_parser(), options.shell))
    return 0


def run_systems(options: argparse.Namespace) -> int:
    """Prints the systems, front ends and protocols."""
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
    """Writes the report of an experiment's results and prints its path."""
    from acrnn import reports

    print(reports.write_report(options.folder, options.records, options.out))
    return 0


def run_predict(options: argparse.Namespace) -> int:
    """Prints the prediction for every file, or the timeline of one; returns 1 if a file failed."""
    from acrnn.inference import command
    from acrnn.inference.timeline import command as timeline_command

    timeline_command.check_options(options)
    parallel = parallel_from(options)
    if options.timeline:
        return timeline_command.timeline(load_recognizer(options), options)

    auxiliary_inputs = command.AuxiliaryInputTables.read(options.text, options.transcripts, options.speaker_embeddings)
    return command.predict(
        load_recognizer(options),
        options.files,
        "json" if options.json else "csv" if options.csv else "text",
        options.plot,
        auxiliary_inputs,
        options.speaker,
        options.embeddings,
        options.embeddings_figure,
        parallel,
    )


def run_embed(options: argparse.Namespace) -> int:
    """Writes the embeddings of every file; returns 1 if a file failed."""
    from acrnn.errors import FieldError
    from acrnn.inference import command

    names = {"embeddings": "out", "embeddings_figure": "figure"}
    try:
        return command.predict(
            load_recognizer(options), options.files, "none", embeddings=options.out, embeddings_figure=options.figure
        )
    except FieldError as error:
        raise FieldError(names.get(error.field, error.field), error.value, error.problem) from None


def run_enrol(options: argparse.Namespace) -> int:
    """Writes the profile of a speaker."""
    from acrnn.inference import command

    return command.enrol(load_recognizer(options), options.files, options.out)


def run_info(options: argparse.Namespace) -> int:
    """Prints a model's card."""
    from acrnn.inference import description

    return description.info(options.model, "json" if options.json else "markdown" if options.markdown else "text")


def run_check(options: argparse.Namespace) -> int:
    """Prints the defects of a folder; returns 1 if there are any."""
    from acrnn.reports import integrity

    return integrity.check(options.folder)


def run_export(options: argparse.Namespace) -> int:
    """Exports the network of a run, or of a refit."""
    check_export_arguments(options)
    from acrnn.export import command

    return command.export(options)


if __name__ == "__main__":
    sys.exit(main())
