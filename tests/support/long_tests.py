"""The mark of tests that take long for what they add; the environment variable ACRNN_LONG_TESTS=1 runs them too."""

import os

import pytest

long_test = pytest.mark.skipif(
    os.environ.get("ACRNN_LONG_TESTS") != "1", reason="takes long: set ACRNN_LONG_TESTS=1 to run it too"
)
