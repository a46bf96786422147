"""The place of a job on a cluster: what a machine that does not see it, or has another version, is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from acrnn.engines import place as place_module
from acrnn.engines.place import place_of


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(place_module, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "manifest.json").write_text("{}")
    with place_of(Path("out"), [Path("manifest.json")]) as place:
        yield place


def test_a_machine_that_sees_the_place_works_in_its_directory(place, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    place.enter()
    assert Path.cwd() == tmp_path


def test_the_token_is_gone_at_the_end(tmp_path):
    with place_of(tmp_path, []) as place:
        assert list(tmp_path.iterdir()) == [place.token]
    assert not list(tmp_path.iterdir())


def test_a_machine_with_another_folder_at_the_path_of_the_results_is_told(place):
    place.token.write_text("of another machine")
    with pytest.raises(
        FileNotFoundError, match=r"out: .* does not see the files that the command writes there; records"
    ):
        place.enter()
    place.token.unlink()
    with pytest.raises(FileNotFoundError, match="must lie on a path that all machines of the cluster see"):
        place.enter()


def test_a_folder_that_cannot_be_written_is_told():
    with (
        pytest.raises(OSError, match=r"/proc: cannot be written .*work in a folder of a network file system that you"),
        place_of(Path("/proc"), []),
    ):
        pass


@pytest.mark.parametrize("missing", ["nowhere", "nowhere/manifest.json"])
def test_a_machine_without_the_directory_or_an_input_is_told(place, tmp_path, missing):
    for changed in (replace(place, directory=tmp_path / missing), replace(place, inputs=(tmp_path / missing,))):
        with pytest.raises(FileNotFoundError, match=f"{missing}: not there on "):
            changed.enter()


def test_another_version_is_refused(place):
    with pytest.raises(
        ValueError, match=r"acrnn .* is installed, but the command runs 0\.0\.0; install the same version"
    ):
        replace(place, version="0.0.0").enter()
