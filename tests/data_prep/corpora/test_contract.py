"""All registered corpora: their readers keep one contract."""

from __future__ import annotations

import re

import pytest
from support import published_names
from support.corpus_trees import (
    BY_PREFIX,
    MANIFEST,
    PARTIAL,
    write_audformat,
    write_emodb,
    write_folders,
    write_manifest,
    write_noise,
    write_ravdess,
)
from support.iemocap_tree import build_iemocap_tree, sample_turns
from support.meld_tree import write_meld

from acrnn.errors import FieldError
from data_prep.corpora import CORPORA, toy, toy_bimodal
from data_prep.corpora.base import ReadOptions, read_corpus


def write_published(path, name):
    """Writes a few sound files with the names of a published corpus."""
    for file in getattr(published_names, name)()[::97][:5]:
        write_noise(path / f"{file}.wav")
    return path


# for each registered corpus, a function that writes a small one, and the options for reading it
EXAMPLES = {
    **{
        name: (lambda path, name=name: write_published(path, name), PARTIAL)
        for name in ("cremad", "tess", "savee", "esd", "emovo", "subesco", "nemo")
    },
    "toy": (lambda path: toy.generate(path, speaker_count=1), PARTIAL),
    "toy-bimodal": (lambda path: toy_bimodal.generate(path, speaker_count=1), PARTIAL),
    "emodb": (lambda path: write_emodb(path, {"anger": 3, "fear": 2}), PARTIAL),
    "ravdess": (lambda path: write_ravdess(path, ("07",)), PARTIAL),
    "iemocap": (lambda path: build_iemocap_tree(path, sample_turns()), PARTIAL),
    "meld": (write_meld, PARTIAL),
    "manifest": (lambda path: write_manifest(path, MANIFEST), ReadOptions()),
    "folder": (write_folders, BY_PREFIX),
    "audformat": (write_audformat, ReadOptions()),
}


def test_every_registered_corpus_has_an_example_here():
    assert set(EXAMPLES) == set(CORPORA)


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_states_its_name_licence_citation_and_origin(name):
    corpus = CORPORA[name]
    assert corpus.name == name
    assert all((corpus.title, corpus.version, corpus.licence, corpus.citation, corpus.homepage))


@pytest.mark.parametrize("name", CORPORA)
def test_a_subset_expects_a_count_for_each_of_its_labels_in_their_order(name):
    for subset in CORPORA[name].subsets.values():
        assert tuple(subset.expected) == subset.labels
        assert set(subset.merge.values()) <= set(subset.labels)


@pytest.mark.parametrize("name", CORPORA)
def test_utterances_have_unique_sorted_ids_a_speaker_a_label_and_a_sound_file(name, tmp_path):
    write, options = EXAMPLES[name]
    selection = read_corpus(CORPORA[name], write(tmp_path / "corpus"), options)
    ids = [utterance.id for utterance in selection.utterances]
    assert len(ids) > 2 and ids == sorted(set(ids))
    for utterance in selection.utterances:
        assert utterance.speaker and utterance.session and utterance.path.is_file()
        assert utterance.emotion in selection.labels


@pytest.mark.parametrize("name", CORPORA)
def test_a_folder_that_is_not_there_or_empty_is_refused_by_name(name, tmp_path):
    corpus, options = CORPORA[name], EXAMPLES[name][1]
    with pytest.raises(FileNotFoundError, match="nowhere: no such file"):
        read_corpus(corpus, tmp_path / "nowhere", options)
    with pytest.raises((FileNotFoundError, ValueError), match=re.escape(str(tmp_path))):
        read_corpus(corpus, tmp_path, options)


@pytest.mark.parametrize("name", CORPORA)
def test_an_option_the_corpus_does_not_understand_is_refused(name, tmp_path):
    corpus = CORPORA[name]
    for option, value in (("labels", ("joy",)), ("speaker_pattern", "(.)"), ("file_pattern", "{speaker}")):
        if option not in corpus.accepts:
            with pytest.raises(FieldError, match=f"{option} .*{name}.*leave it out"):
                read_corpus(corpus, tmp_path, ReadOptions(**{option: value}))
    with pytest.raises(FieldError, match="subset nonsense: not a subset"):
        read_corpus(corpus, tmp_path, ReadOptions(subset="nonsense"))
