"""Predictions of fitted networks: of test and validation parts, at several speeds, with fewer recordings of a new speaker."""
