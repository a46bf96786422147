"""The claim of an experiment to its output folder."""

import pytest

from acrnn import files
from acrnn.crossval.claim import claimed


def folder_with_run(folder, settings):
    """Returns a folder claimed by an experiment, with a run in it."""
    with claimed(folder, {"settings": settings}):
        files.write_json(folder / "runs" / "fold00_seed0.json", {})
    return folder


@pytest.mark.parametrize(
    ("changed", "is_hinted"),
    [
        ({"records_sha256": "b", "protocol": "p"}, True),
        ({"records_sha256": "a", "protocol": "q"}, False),
        ({"records_sha256": "b", "protocol": "q"}, False),
    ],
)
def test_records_that_differ_alone_may_come_from_another_processor(tmp_path, changed, is_hinted):
    folder = folder_with_run(tmp_path / "out", {"records_sha256": "a", "protocol": "p"})
    with pytest.raises(ValueError, match="holds another experiment") as error, claimed(folder, {"settings": changed}):
        pass
    assert ("OPENBLAS_CORETYPE=Haswell" in str(error.value)) == is_hinted
