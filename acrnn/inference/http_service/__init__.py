"""The HTTP service of `acrnn serve`: predictions for uploaded sound files as JSON, within limits, with metrics for Prometheus."""
