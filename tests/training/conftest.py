"""Sources of the tiny corpus for the tests of training."""

import pytest

from acrnn.batches.sources import Feeder
from acrnn.records import RecordSet


@pytest.fixture(scope="module")
def feeder(tiny_records):
    return Feeder(RecordSet(tiny_records))


@pytest.fixture(scope="module")
def parts(feeder):
    def of(*speakers):
        return feeder.source([row.id for row in feeder.records.utterances if row.speaker in speakers])

    return of("s0", "s1", "s2"), of("s3"), of("s4")
