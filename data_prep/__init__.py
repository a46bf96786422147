"""Offline preparation: corpora of labeled recordings become TFRecords of segments."""
