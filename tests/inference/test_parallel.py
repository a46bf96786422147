"""Recognition in several processes: the output of one process, whatever order the tasks end in."""

import numpy as np
import pytest
from support.sounds import spoken_folder

from acrnn.cli import main
from acrnn.errors import TaskError
from acrnn.inference import Failure, Recognizer, locate
from acrnn.inference.parallel import Model, Parallel


@pytest.fixture(scope="module")
def recognizer():
    """The model that comes with the package."""
    return Recognizer.load(threads=1)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """A folder of 36 files, two of them bad."""
    return spoken_folder(tmp_path_factory.mktemp("many") / "recordings")


def printed(capsys, *arguments):
    """Exit status and output of `acrnn predict` with one thread in every process."""
    capsys.readouterr()
    status = main(["predict", *map(str, arguments), "--threads", "1"])
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def test_two_processes_print_what_one_prints(recognizer, recordings, tmp_path, capsys):
    recognizer.enrol(sorted(recordings.glob("spoken*"))[:3]).save(tmp_path / "me.json")
    (tmp_path / "texts.csv").write_text("file,text\nspoken20.wav,hello\n")
    others = ["--speaker", tmp_path / "me.json", "--transcripts", tmp_path / "texts.csv"]
    for style in (["--csv"], ["--json", *others]):
        status, *one = printed(capsys, recordings, "nowhere.wav", *style)
        assert status == 1 and "nowhere.wav: no such sound file; check the path" in "".join(one)
        assert ("spoken20.wav: text is given, and the model does not take it" in "".join(one)) == ("--json" in style)
        assert printed(capsys, recordings, "nowhere.wav", *style, "--jobs", 2) == (1, *one)


def test_two_processes_write_the_embeddings_of_one(recordings, tmp_path, capsys):
    tables = [tmp_path / "one.npz", tmp_path / "two.npz"]
    for jobs, table in enumerate(tables, start=1):
        printed(capsys, recordings, "--jobs", jobs, "--embeddings", table)
    one, two = map(np.load, tables)
    assert len(one["source"]) == 34 and one["segment_embedding"].std() > 0
    assert {name: one[name].tolist() for name in one} == {name: two[name].tolist() for name in two}


class Disordered:
    """An engine whose tasks end in the reverse order: the last one is done twice and then lost, and the first one fails."""

    is_cluster = True

    def run(self, job, tasks, report, arguments, folder, inputs=(), result=None, is_reused=False):
        *others, last = tasks
        for task in (last, last, *reversed(others[1:])):
            job([task], report, None, *arguments)
            report("failed", *last, "its worker was lost after it had reported")
        report("failed", *others[0], "Traceback:\n  some line\nits worker was lost 4 times")
        job([others[0]], report, None, *arguments)
        raise TaskError("1 of 3 tasks failed")


def test_results_keep_the_order_of_the_files_and_a_lost_task_is_a_failure_of_its_files(recognizer, recordings):
    results, sounds = [], sorted(recordings.iterdir())
    Parallel(Disordered(), threads=1).predict_files(recognizer, sounds, results.append)
    assert [result.source for result in results] == [str(path) for path in sounds]
    assert results[:16] == [Failure(str(path), f"{path}: its worker was lost 4 times") for path in sounds[:16]]
    assert results[16:] == list(recognizer.predict_files(sounds))[16:]


def test_options_that_need_one_process_or_a_cluster_are_refused(capsys):
    assert printed(capsys, "x.wav", "--timeline", "--jobs", 2) == (
        2,
        "",
        "error: --jobs 2: one process makes a timeline; leave it out\n",
    )
    status, _, shown = printed(capsys, "x.wav", "--task-cpus", 2)
    assert (status, shown) == (2, "error: --task-cpus 2: it goes with --engine ray only; leave it out\n")


def test_a_profile_of_another_model_ends_the_command_before_any_file(recognizer, recordings):
    other = recognizer.enrol([next(recordings.glob("spoken*"))])
    object.__setattr__(other, "model", "another")
    with pytest.raises(ValueError, match="the speaker profile was made with another model than"):
        Parallel(engine=None).predict_files(recognizer, [recordings / "nowhere.wav"], print, speaker=other)


def test_an_included_model_is_loaded_by_its_name_and_another_by_its_path(recognizer, tmp_path, monkeypatch):
    assert locate.reference(recognizer.folder) == locate.DEFAULT
    monkeypatch.chdir(tmp_path)
    assert locate.reference(locate.Path("mine/1")) == tmp_path / "mine" / "1"


def test_another_model_on_the_machine_of_a_worker_is_told(recognizer):
    model = Model.of(recognizer, 1)
    assert model.load().card == recognizer.card
    changed = Model(model.model, "another", model.runtime, 1, True)
    with pytest.raises(ValueError, match="has another model there than the machine of the command; copy the same"):
        changed.load()
