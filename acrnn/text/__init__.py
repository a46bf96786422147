"""Texts of utterances: words, the vocabulary of a network, the embedding layer, and transcript files."""
