"""A short selection of the fuzz harness: inputs that once failed, and some new ones for each reader."""

import random

import pytest
from faults import mutations
from faults.fuzz_harness import CORPUS, SlowError, _described, _measured, fault, inputs, limited, name_of
from faults.targets import BINARY, TEXT, Target, light_targets

from acrnn.errors import FileError

KEPT = sorted(CORPUS.iterdir())


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readers")
    return folder, {name_of(target): target for target in light_targets(folder)}


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.name)
def test_an_input_that_failed_once_is_refused_by_name(readers, kept):
    folder, targets = readers
    target = targets[kept.name.rpartition("_")[0]]
    sound = target.path.read_bytes()
    target.path.write_bytes(kept.read_bytes())
    try:
        with limited():
            assert fault(target, folder)[0] is None
    finally:
        target.path.write_bytes(sound)


def test_every_reader_reads_its_file_and_refuses_changed_ones_by_name(readers):
    folder, targets = readers
    refused = 0
    for target in targets.values():
        sound = target.path.read_bytes()
        assert fault(target, folder) == (None, False), target.name
        with limited():
            for content in inputs(target, sound, 12, seed=7):
                target.path.write_bytes(content)
                found, is_refused = fault(target, folder)
                assert found is None, target.name
                refused += is_refused
        target.path.write_bytes(sound)
    assert refused > 4 * len(targets)


def raising(error):
    def read(path):
        raise error

    return read


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (KeyError("x"), "KeyError: 'x'"),
        (RecursionError("deep"), "RecursionError: deep"),
        (SlowError("more than 5 s"), "SlowError: more than 5 s"),
        (ValueError("of a library"), "ValueError of test_fuzzing.py: of a library"),
    ],
)
def test_errors_of_others_are_faults(tmp_path, error, found):
    target = Target("x", tmp_path / "x", raising(error), (TEXT,))
    assert fault(target, tmp_path)[0] == found


def test_a_refusal_for_want_of_memory_is_a_fault(tmp_path):
    error = FileError(f"{tmp_path}/a: too large")
    error.__cause__ = MemoryError()
    assert _described(error, tmp_path).startswith("an allocation over 1000 MB")


def test_a_reader_that_takes_too_long_or_too_much_is_stopped(monkeypatch, tmp_path):
    monkeypatch.setattr("faults.fuzz_harness.MOST_SECONDS", 0.05)

    def endless(path):
        while True:
            pass

    with limited():
        assert _measured(Target("x", tmp_path, endless, (TEXT,)), tmp_path)[0].startswith("SlowError")
        assert "MemoryError" in fault(Target("x", tmp_path, lambda path: bytes(2**31), (TEXT,)), tmp_path)[0]


@pytest.mark.parametrize("kind", [TEXT, BINARY])
def test_changes_depend_on_the_seed_alone_and_change_something(kind):
    content = b'id,text\na1,"oh no"\n' * 20
    one, two = ([mutations.changed(content, random.Random(seed), kind == TEXT) for seed in range(30)] for _ in range(2))
    assert one == two and sum(each != content for each in one) > 25
