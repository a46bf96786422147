"""Fixtures of the tests of DCNN-BLSTMwA (Zhang et al. 2021)."""

import pytest
from support.zhang2021 import prepared

from acrnn.batches.sources import Feeder


@pytest.fixture(scope="session")
def record_set(tiny_corpus, tmp_path_factory):
    return prepared(tiny_corpus, tmp_path_factory.mktemp("zhang") / "records")


@pytest.fixture(scope="session")
def feeder(record_set):
    return Feeder(record_set)


@pytest.fixture(scope="session")
def parts(feeder):
    def of(*speakers):
        return feeder.source([row.id for row in feeder.records.utterances if row.speaker in speakers])

    return of("s0", "s1", "s2"), of("s3"), of("s4")
