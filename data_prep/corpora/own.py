"""Own data: their name, licence and citation stand in the manifest of the records, in results and on cards."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from acrnn.errors import FieldError
from data_prep.corpora.base import Corpus, ReadOptions, data_name


def own_name(corpus: Corpus, data_dirs: Sequence[Path], name: str | None, reserved: Collection[str]) -> str:
    """Returns the name of own data: the one that is given, or that of their tables or folders, joined by "+".

    Args:
        corpus: the reader.
        data_dirs: tables or folders.
        name: name that the user gives; None for none.
        reserved: names of the registry, which stand for published data. Data in a place with such a name have the reader's
            name added: "emodb-folder".

    Raises:
        FieldError: the name is reserved, or cannot be part of the name of a folder.
    """
    if name is None:
        found = "+".join(map(data_name, data_dirs))
        return f"{found}-{corpus.name}" if found in reserved else found
    if name in reserved:
        raise FieldError("name", name, "a corpus of this package has that name; choose another")
    if not re.fullmatch(r"[^\s./\\][^/\\]*", name):
        raise FieldError(
            "name", repr(name), "it is part of the name of a folder: leave out slashes, and blanks or dots at its start"
        )
    return name


def named(corpus: Corpus, data_dirs: Sequence[Path], options: ReadOptions, reserved: Collection[str]) -> Corpus:
    """Returns a reader of own data with the name, licence and citation of these data; other corpora are returned as they are.

    For the arguments see `own_name`.

    Raises:
        FieldError: the corpus has a name already, or the name is not allowed.
    """
    if not corpus.is_own:
        return corpus
    name = own_name(corpus, data_dirs, options.name, reserved)
    licence, citation = options.licence or corpus.licence, options.citation or corpus.citation
    return replace(corpus, name=name, title=name, licence=licence, citation=citation, reader=corpus.name)
