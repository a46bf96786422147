"""The registry of corpora: those of this package, and those that other installed packages declare.

A package adds a corpus with an entry point in the group "acrnn.corpora" that names a `Corpus`; the name of the entry point
becomes the name of the corpus:

    [project.entry-points."acrnn.corpora"]
    mine = "my_package.my_corpus:CORPUS"
"""

from dataclasses import replace

from acrnn.extensions import with_extensions
from data_prep.corpora import (
    audformat_corpus,
    cremad,
    emodb,
    emovo,
    esd,
    folder,
    iemocap,
    manifest,
    meld,
    nemo,
    ravdess,
    savee,
    subesco,
    tess,
    toy,
    toy_bimodal,
)
from data_prep.corpora.base import Corpus, ReadOptions, Selection, Subset, Utterance, read_corpus

CORPORA: dict[str, Corpus]


def __getattr__(name: str) -> dict[str, Corpus]:
    """Builds CORPORA at its first use, so that the modules it loads can import this package themselves."""
    if name != "CORPORA":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    published = (emodb, ravdess, iemocap, cremad, tess, savee, esd, emovo, subesco, nemo, meld)
    modules = (toy, toy_bimodal, *published, manifest, folder, audformat_corpus)
    built_in = {module.CORPUS.name: module.CORPUS for module in modules}
    corpora = with_extensions(built_in, "acrnn.corpora", Corpus)
    globals()["CORPORA"] = {name: replace(corpus, name=name) for name, corpus in corpora.items()}
    return globals()["CORPORA"]


__all__ = ["CORPORA", "Corpus", "ReadOptions", "Selection", "Subset", "Utterance", "read_corpus"]
