"""The command line: help with an example for every command; errors name the option that sets a field."""

import argparse
import re
import subprocess
import sys
import warnings

import pytest

from acrnn.cli import main
from acrnn.console import run_job, usage_message
from acrnn.errors import FieldError, UsageError
from acrnn.model_card import FORMATS
from acrnn.scripts import SCRIPTS
from data_prep.__main__ import main as data_prep
from experiments import run_cv

REFUSED = {
    "prepare": ["check", "nowhere"],
    "train": ["--dataset", "emodb", "--data-dir", "nowhere", "--records", "nowhere"],
    "tune": ["--dataset", "emodb", "--data-dir", "nowhere", "--records", "nowhere"],
    "cross-corpus": ["--train", "nowhere", "--test", "nowhere"],
    "evaluate": ["--model", "nowhere", "--dataset", "emodb"],
    "compare": ["nowhere", "nobody"],
    "listen": ["--model", "nowhere"],
    "fuse": ["nowhere", "nobody", "--output-dir", "out"],
}
COMMANDS = ("predict", "info", "check", "serve", "serve-demo", "systems", "summary", "report", "export", "completion")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_description_and_an_example(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    usage, description, *rest = capsys.readouterr().out.split("\n\n")
    assert usage.startswith(f"usage: acrnn {command}") and description.split("\n")[-1].endswith(".")
    assert f"example:\n  acrnn {command}" in rest[-1]


def test_the_module_runs_the_command_line():
    done = subprocess.run([sys.executable, "-m", "acrnn", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: acrnn")
    assert all(f"    {command}" in done.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", SCRIPTS)
def test_a_script_is_a_command_of_the_console_as_well(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert capsys.readouterr().out.startswith(f"usage: acrnn {command} ")
    assert main([command, *REFUSED[command]]) == 1
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert f"    {command} " in capsys.readouterr().out.replace("\n", " ")


def test_the_help_imports_no_numpy():
    program = "import sys, acrnn.cli; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


@pytest.mark.parametrize("command", ["summary", "report"])
def test_a_folder_that_does_not_exist_is_named_with_the_remedy(command, tmp_path, capsys):
    assert main([command, str(tmp_path / "nothing")]) == 1
    message = capsys.readouterr().err
    assert message.startswith(f"error: {tmp_path / 'nothing'}") and re.search("no such (file|folder); ", message)


def parser():
    options = argparse.ArgumentParser()
    options.add_argument("--learning-rate")
    options.add_argument("--format", dest="formats")
    options.add_subparsers().add_parser("export").add_argument("--out")
    return options


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("learning_rate", "--learning-rate 9: too high"),
        ("formats", "--format 9: too high"),
        ("out", "--out 9: too high"),
        ("batches", "batches 9: too high"),
    ],
)
def test_an_error_about_a_field_names_its_option(field, message):
    assert usage_message(FieldError(field, 9, "too high"), parser()) == message


def test_a_field_of_the_network_is_named_as_its_option_where_there_is_one():
    options = parser()
    options.add_argument("--network")
    assert usage_message(FieldError("conv_layers", 9, "too many"), options) == "--network conv_layers=9: too many"
    assert usage_message(UsageError("as it is"), options) == "as it is"


@pytest.mark.parametrize(
    ("error", "status"), [(FieldError("x", 1, "no"), 2), (ValueError("no"), 1), (OSError("no"), 1)]
)
def test_wrong_usage_has_another_exit_status_than_a_failure(error, status, capsys):
    def job():
        raise error

    assert run_job(job) == status
    assert "no" in capsys.readouterr().err


def test_every_format_has_a_file_of_its_own():
    assert len({each.file for each in FORMATS.values()}) == len(FORMATS)


@pytest.mark.parametrize(("folder", "message"), [("nothing", "no such folder"), (".", "holds no results.json")])
def test_a_summary_of_no_experiment_is_refused_with_the_remedy(folder, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["summary", folder]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {folder}: {message}") and "choose its folder, or run it first" in error


def test_a_reader_that_ends_early_ends_the_command_without_a_message():
    with subprocess.Popen(
        [sys.executable, "-m", "acrnn", "systems"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


@pytest.mark.parametrize("main", [data_prep, run_cv.main])
def test_a_value_that_begins_with_a_dash_gets_a_hint(main, capsys):
    command = ["folder", "--out", "records"] if main is data_prep else ["--dataset", "folder"]
    with pytest.raises(SystemExit) as stop:
        main([*command, "--speaker-pattern", "-(.+)"])
    assert stop.value.code == 2
    assert "follows an equals sign, as in --speaker-pattern=-x" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*command, "--jobs", "none"])
    assert "equals sign" not in capsys.readouterr().err


def test_a_warning_of_a_job_is_shown_without_its_line_of_code(monkeypatch):
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)  # the job replaces it, the test restores it
    run_job(lambda: 0)
    assert (
        warnings.formatwarning(UserWarning("left out 2 files"), UserWarning, "reader.py", 7)
        == "warning: left out 2 files\n"
    )


def test_a_shell_completes_commands_and_options(tmp_path, capsys):
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "completion.sh"
    script.write_text(capsys.readouterr().out)

    def completed(*words):
        asked = f"source {script}; COMP_WORDS=(acrnn {' '.join(words)}); COMP_CWORD={len(words)}; _shtab_acrnn"
        command = f'{asked}; echo "${{COMPREPLY[@]}}"'
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout.split()

    assert completed("pr") == ["predict", "prepare"]
    assert completed("predict", "--ti") == ["--timeline"]


def test_a_message_names_the_options_of_the_command_line(capsys):
    options = argparse.ArgumentParser()
    options.add_argument("--skip-bad", action="store_true")

    def job():
        raise ValueError("x.wav: damaged; leave it out with the option skip_bad, not with the option other")

    assert run_job(job, options) == 1
    assert "with --skip-bad, not with the option other" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("resumes", "message"), [(False, "interrupted"), (True, "interrupted; finished parts are kept")]
)
def test_only_a_job_that_resumes_says_so_when_it_is_interrupted(resumes, message, capsys):
    def job():
        raise KeyboardInterrupt

    assert run_job(job, resumes=resumes) == 130
    assert capsys.readouterr().err.split(",")[0].strip() == message
