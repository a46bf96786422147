"""Batches of segments or of whole utterances, as inputs of networks. Import from its modules; some import Keras."""
