"""Embeddings of recordings, the values of a network's dense layer: a table of them, and a map."""

from acrnn.inference.embeddings.collection import Embedded, of_prediction
from acrnn.inference.embeddings.output import EmbeddingOutput

__all__ = ["Embedded", "EmbeddingOutput", "of_prediction"]
