"""Synthetic speech in four emotions, for the toy corpora and as an example on the demonstration page."""
