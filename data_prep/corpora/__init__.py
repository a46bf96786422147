"""The registry of corpora; the command line, the tests and the documentation iterate it."""

from data_prep.corpora import audformat_corpus, emodb, folder, iemocap, manifest, toy, toy_bimodal
from data_prep.corpora.base import Corpus, ReadOptions, Selection, Utterance, read_corpus

CORPORA: dict[str, Corpus] = {
    module.CORPUS.name: module.CORPUS
    for module in (toy, toy_bimodal, emodb, iemocap, manifest, folder, audformat_corpus)
}

__all__ = ["CORPORA", "Corpus", "ReadOptions", "Selection", "Utterance", "read_corpus"]
