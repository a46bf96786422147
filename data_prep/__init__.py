"""Offline preparation: corpora of labelled recordings become TFRecords of segments."""
