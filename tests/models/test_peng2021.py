"""MSCNN-SPU(-ATT): its parts against numpy and counted by hand, padding that never counts, and that two modalities help."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops
from support.networks import small_config

from acrnn import records
from acrnn.batches.network_inputs import auxiliary_inputs_of, network_inputs
from acrnn.batches.sources import MemorySource
from acrnn.batches.utterances import UtteranceSource, by_length, rounded_up
from acrnn.errors import UsageError
from acrnn.layers import StatisticsPooling
from acrnn.models import MODELS
from acrnn.models.peng2021 import network as peng2021
from acrnn.models.peng2021.network import Config, CrossModalPooling
from acrnn.recipes import PENG2021
from acrnn.records.auxiliary_inputs import AuxiliaryInputs
from acrnn.text.embedding import embedding_of
from acrnn.training.utterance_network import UtteranceNetwork

SMALL = {
    "filters": 4,
    "dense_units": 8,
    "embedding_size": 6,
    "max_words": 20,
    "audio_kernels": (3, 4),
    "text_kernels": (2, 3),
}


def sizes(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def test_the_paper_network_has_as_many_parameters_as_counted_by_hand():
    audio = sum(s * 96 * 128 + 128 for s in (5, 11, 21))
    text = sum(s * 300 * 128 + 128 for s in (3, 4, 5)) + 6000 * 300
    spu, swem, attended, speaker = 3 * 3 * 128, 2 * 300, 3 * 3 * 128, 512

    def dense(width):
        return width * 128 + 128 + 128 * 4 + 4

    assert sizes(peng2021.build(Config(4, text=False))) == audio + dense(spu)
    assert sizes(peng2021.build(Config(4, text=False, speaker_embedding_size=512))) == audio + dense(spu + speaker)
    assert sizes(peng2021.build(Config(4, audio=False))) == text + dense(spu + swem)
    assert sizes(peng2021.build(Config(4))) == audio + text + dense(2 * spu + swem)
    whole = Config(4, attention=True, speaker_embedding_size=512)
    assert sizes(peng2021.build(whole)) == audio + text + dense(2 * spu + swem + attended + speaker)


@pytest.mark.parametrize(
    ("change", "fewer"),
    [
        ({"audio_statistics": ("max",)}, 2 * 8),
        ({"text_statistics": ("max",)}, 2 * 8),
        ({"swem": False}, 2 * 6),
        ({"speaker_embedding_size": 0}, 5),
        ({"attention": False}, 3 * 8),
    ],
)
def test_every_part_of_the_ablation_can_be_switched_off_alone(change, fewer):
    whole = Config(4, **SMALL, attention="attention" in change, speaker_embedding_size=5)
    joined = [
        peng2021.build(config).get_layer("joined").output.shape[-1] for config in (whole, replace(whole, **change))
    ]
    assert joined[0] - joined[1] == fewer


def test_a_network_takes_what_its_parts_need_and_no_more():
    takes = {
        name: auxiliary_inputs_of(peng2021.build(small_config(name))) for name in MODELS if name.startswith("peng2021")
    }
    assert takes == {
        "peng2021-audio": (),
        "peng2021-text": ("text",),
        "peng2021-bimodal": ("text",),
        "peng2021-bimodal-att": ("text",),
    }
    with_speaker = peng2021.build(Config(4, **SMALL, speaker_embedding_size=5))
    assert auxiliary_inputs_of(with_speaker) == ("text", "speaker_embedding")
    with pytest.raises(ValueError, match="speaker_embedding is missing; the network needs it"):
        network_inputs(with_speaker, {"features": 0, "num_frames": 0, "text": ["a"]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"audio": False, "text": False}, "^audio False: text is False too"),
        ({"audio": False, "attention": True}, "^attention True: it needs both audio and text"),
        (
            {"attention": True, "audio_kernels": (3,)},
            "^audio_kernels 3: attention needs as many sizes as in text_kernels 3,4,5, since Eq. 4",
        ),
        ({"text_kernels": ()}, "^text_kernels: give kernel sizes, whole numbers from 1 up"),
        ({"dropout": 1.0}, "^dropout 1.0: it must be a number from 0"),
    ],
)
def test_what_cannot_be_built_is_refused(change, message):
    with pytest.raises(UsageError, match=message):
        Config(4, **change)


def test_statistics_are_those_of_numpy_over_the_real_steps():
    h = np.random.default_rng(0).normal(size=(3, 9, 5)).astype(np.float32)
    lengths = [9, 4, 1]
    found = np.asarray(StatisticsPooling()(h, np.arange(9) < np.array(lengths)[:, None]))
    for row, values, length in zip(found, h, lengths, strict=True):
        real = values[:length]
        expected = [real.max(axis=0), real.mean(axis=0), np.maximum(real.std(axis=0), 1e-4)]
        np.testing.assert_allclose(row, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("values", [np.full((1, 6, 2), 3.0), np.zeros((1, 6, 2))], ids=["constant", "zero"])
@pytest.mark.parametrize("length", [1, 6])
def test_the_deviation_of_one_step_or_of_equal_ones_has_a_finite_slope(values, length):
    import tensorflow as tf

    h = tf.Variable(values.astype(np.float32))
    with tf.GradientTape() as tape:
        pooled = StatisticsPooling()(h, np.arange(6)[None] < length)
    assert np.isfinite(np.asarray(pooled)).all()
    assert np.isfinite(np.asarray(tape.gradient(pooled, h))).all()


def test_a_statistic_that_is_none_is_refused():
    with pytest.raises(ValueError, match="choose one or more of max, mean, deviation"):
        StatisticsPooling(("median",))


def test_attention_is_equations_4_to_6_over_the_real_words():
    generator = np.random.default_rng(0)
    e, h = generator.normal(size=(2, 3, 4)), generator.normal(size=(2, 5, 4))
    lengths = [5, 2]
    found = np.asarray(CrossModalPooling()(e, h, np.arange(5) < np.array(lengths)[:, None]))
    for row, contexts, maps, length in zip(found, e, h, lengths, strict=True):
        for attended, context in zip(row, contexts, strict=True):
            scores = np.exp([context @ maps[k] for k in range(length)])
            expected = sum(s * maps[k] for k, s in enumerate(scores / scores.sum()))
            np.testing.assert_allclose(attended, expected, rtol=1e-5)


def test_adding_padding_to_sound_and_text_changes_nothing():
    model = peng2021.build(Config(4, **SMALL, attention=True))
    generator = np.random.default_rng(0)
    for weight in model.trainable_weights:  # biases too, which padding would show through a ReLU
        weight.assign(weight + generator.normal(0, 0.3, size=weight.shape))
    counts, words = np.array([30, 17, 1], np.int32), np.array([6, 2, 1], np.int32)
    data = {
        "features": generator.normal(size=(3, 30, 96, 1)).astype(np.float32),
        "num_frames": counts,
        "tokens": generator.integers(1, 20, (3, 6)).astype(np.int32),
        "num_words": words,
    }
    padded = {
        **data,
        "features": np.concatenate([data["features"], np.full((3, 50, 96, 1), 9, np.float32)], axis=1),
        "tokens": np.concatenate([data["tokens"], np.full((3, 7), 5, np.int32)], axis=1),
    }
    expected = np.asarray(model(data))
    np.testing.assert_allclose(np.asarray(model(padded)), expected, atol=1e-5)
    lengths = {"features": counts, "tokens": words}

    def row(index):
        return {
            n: v[index : index + 1, : lengths[n][index]] if n in lengths else v[index : index + 1]
            for n, v in data.items()
        }

    alone = [np.asarray(model(row(index))) for index in range(3)]
    np.testing.assert_allclose(np.concatenate(alone), expected, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 1e-3


def source_of(features, texts, labels, embeddings=None, rows=None):
    """Utterances of one segment of twenty frames each."""
    count = len(labels)
    num_frames = np.full(count, features.shape[1], np.int32)
    data = records.Segments(features, num_frames, np.asarray(labels, np.int32), np.arange(count))
    return MemorySource(data, range(count) if rows is None else rows, AuxiliaryInputs(texts, embeddings))


def two_halves(count, seed):
    """Four classes, of which the sound tells one half and the words the other."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    features = generator.normal(0, 0.3, size=(count, 20, 96, 1)).astype(np.float32)
    features[:, 5:12, :8, 0] += 1.0 * (labels // 2)[:, None, None]
    told = [["good", "bad"][label % 2] for label in labels]
    texts = [" ".join(generator.permutation(["the", "chair", "is", word])) for word in told]
    return source_of(features, texts, labels)


def accuracy(system):
    """On utterances that were not heard in training."""
    config = MODELS[system].configure(_manifest(), **{**SMALL, "filters": 16, "dense_units": 16, "dropout": 0.0})
    network = MODELS[system].estimator(config, replace(PENG2021, epochs=12, batch_size=8, learning_rate=3e-3))
    network.fit(two_halves(96, 0), two_halves(32, 1), seed=0)
    posteriors, labels = network.posteriors(two_halves(64, 2))
    return (posteriors.argmax(axis=1) == labels).mean()


def _manifest():
    from acrnn.frontends import FRONTENDS
    from acrnn.segments import RULES

    spec = FRONTENDS["peng2021"]
    return records.Manifest({}, tuple("abcd"), spec, replace(RULES["han2014"], frames=20), "float32", (), "", "", {})


def test_sound_and_words_together_tell_what_neither_tells_alone():
    assert accuracy("peng2021-audio") < 0.7
    assert accuracy("peng2021-text") < 0.7
    assert accuracy("peng2021-bimodal") > 0.9
    assert accuracy("peng2021-bimodal-att") > 0.9


def test_the_vocabulary_and_the_normalisation_are_of_the_training_part_alone():
    features = np.random.default_rng(0).normal(size=(12, 20, 96, 1)).astype(np.float32)
    features[8:] += 100
    texts = ["a b", "b c"] * 4 + ["secret words"] * 4
    embeddings = np.random.default_rng(1).normal(size=(12, 5)).astype(np.float32)
    embeddings[8:] += 100

    def part(*rows):
        return source_of(features, texts, np.arange(12) % 4, embeddings, rows)

    config = Config(4, **SMALL, speaker_embedding_size=5)
    network = MODELS["peng2021-bimodal"].estimator(config, replace(PENG2021, epochs=1, batch_size=4))
    network.fit(part(*range(8)), part(8, 9), seed=0)
    network.posteriors(part(10, 11))
    assert embedding_of(network.model).vocabulary.words == ("b", "a", "c")
    assert np.abs(np.array(network.model.get_layer("normalization").mean)).max() < 5
    speakers = network.model.get_layer("speaker_normalization")
    np.testing.assert_allclose(np.ravel(speakers.mean), embeddings[:8].mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(np.ravel(speakers.deviation), embeddings[:8].std(axis=0), atol=1e-4)


def test_pretrained_vectors_are_taken_for_the_training_words_alone():
    source = two_halves(16, 0)
    vectors = {word: np.full(6, 7.0, np.float32) for word in ("good", "never")}
    source.auxiliary_inputs = replace(source.auxiliary_inputs, word_vectors=vectors)
    network = MODELS["peng2021-text"].estimator(Config(4, **SMALL, audio=False), replace(PENG2021, epochs=1))
    network.adapt(network.whole_utterances(source))
    table = np.array(embedding_of(network.model).table)
    assert (table == 7).all(axis=1).sum() == 1


def test_a_run_does_not_depend_on_the_runs_before_it():
    recipe = replace(PENG2021, epochs=2, batch_size=8)
    parts = two_halves(24, 0), two_halves(16, 1)
    fresh = MODELS["peng2021-bimodal"].estimator(Config(4, **SMALL), recipe)
    expected = fresh.fit(*parts, seed=3).curve[-1].loss
    fresh.fit(*parts, seed=4)
    assert fresh.fit(*parts, seed=3).curve[-1].loss == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("change", [{"pooling": "mean"}, {"augmentation": object()}])
def test_a_recipe_that_means_nothing_for_whole_utterances_is_refused(change):
    with pytest.raises(UsageError, match=f"{next(iter(change))} .*: it has no effect on a network of whole utterances"):
        MODELS["peng2021-audio"].estimator(Config(4, **SMALL, text=False), replace(PENG2021, **change))


def test_batches_hold_similar_lengths_every_utterance_and_are_full():
    lengths = np.random.default_rng(0).integers(5, 400, 50)
    features = [np.full((length, 2, 1), length, np.float32) for length in lengths]
    source = UtteranceSource.__new__(UtteranceSource)
    source.features, source.labels, source.rows = features, np.zeros(50, int), np.arange(50)
    source.lengths, source.auxiliary_inputs, source.network_inputs = lengths, AuxiliaryInputs(), dict
    batches = list(source.shuffled(8, np.random.default_rng(1)))
    assert {len(batch.labels) for batch in batches} == {8}
    assert set(np.concatenate([batch.utterances for batch in batches])) == set(range(50))
    spans = [batch.inputs["num_frames"].max() / batch.inputs["num_frames"].min() for batch in batches]
    assert np.median(spans) < 2
    for batch in batches:
        for row, count in zip(batch.inputs["features"], batch.inputs["num_frames"], strict=True):
            assert (row[:count] == count).all() and (row[count:] == 0).all()
    ordered = [index for batch in source.ordered(8) for index in batch.utterances]
    assert sorted(ordered) == list(range(50))


def test_lengths_are_rounded_up_by_a_quarter_at_most_and_few_are_left():
    lengths = np.arange(64, 4000)
    rounded = np.array([rounded_up(int(length)) for length in lengths])
    assert (rounded >= lengths).all() and (rounded <= 1.25 * lengths + 16).all()
    assert len(set(rounded)) < 40


def test_memory_is_bounded_by_frames_and_everyone_comes_once():
    parts = list(by_length([10, 5000, 300, 20], 64, max_frames=6000))
    assert [part.tolist() for part in parts] == [[1], [2, 3, 0]]


def test_a_batch_is_no_larger_than_what_bounds_the_memory(monkeypatch):
    network = UtteranceNetwork(lambda: peng2021.build(Config(3, text=False, filters=4, dense_units=8)), PENG2021)
    seen, predict = [], network.model.predict_on_batch
    monkeypatch.setattr(
        network.model, "predict_on_batch", lambda given: seen.append(len(given["num_frames"])) or predict(given)
    )
    few = {"features": np.ones((3, 40, 96, 1), np.float32), "num_frames": np.array([40, 30, 20], np.int32)}
    assert network.batch_logits(few).shape == (3, 3) and seen == [3]


def test_gradients_of_word_vectors_are_clipped_by_their_true_norm():
    """A word that occurs twice has one gradient, the sum of both; a norm of the parts would be smaller."""
    import tensorflow as tf

    from acrnn.text.embedding import WordEmbedding

    layer = WordEmbedding(4, 2)
    with tf.GradientTape() as tape:
        loss = ops.sum(layer(np.array([[1, 1, 2]])))
    gradient = tape.gradient(loss, layer.trainable_variables[0].value)
    assert isinstance(gradient, tf.Tensor)
    np.testing.assert_array_equal(gradient, [[0, 0], [2, 2], [1, 1], [0, 0]])
    assert keras.backend.standardize_dtype(gradient.dtype) == "float32"
