"""The schema of the TFRecord files: one segment as a serialized tf.train.Example, written and read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from acrnn.records.utterance_table import UtteranceRow

_SHARDS_AT_ONCE = 8  # shards that a shuffled stream reads side by side


def encode_segment(features: np.ndarray, num_frames: int, row: UtteranceRow, index: int, dtype: str) -> bytes:
    """Returns a segment as a serialized tf.train.Example.

    Args:
        features: float [frames, bands, channels], not normalized, zero where padded.
        num_frames: number of real frames.
        row: row of the utterance.
        index: position of the segment in its utterance, from 0.
        dtype: precision to store, "float32" or "float16".
    """
    import tensorflow as tf

    def text(value: str) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))

    def number(value: int) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    raw = np.ascontiguousarray(features, dtype=np.dtype(dtype).newbyteorder("<")).tobytes()
    feature = {
        "features": tf.train.Feature(bytes_list=tf.train.BytesList(value=[raw])),
        "num_frames": number(num_frames),
        "label": number(row.label),
        "utterance": text(row.id),
        "speaker": text(row.speaker),
        "session": text(row.session),
        "segment": number(index),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(deterministic=True)


def serialized_segments(paths: Sequence[str], shuffle_seed: int | None = None):
    """Returns a tf.data.Dataset of the serialized segments in TFRecord files.

    Args:
        paths: the files.
        shuffle_seed: None reads one file after the other; a number reads them in random order, several at once.
    """
    import tensorflow as tf

    if shuffle_seed is None:
        return tf.data.TFRecordDataset(paths)
    shuffled = tf.data.Dataset.from_tensor_slices(paths).shuffle(len(paths), shuffle_seed)
    return shuffled.interleave(tf.data.TFRecordDataset, cycle_length=_SHARDS_AT_ONCE)


def segment_parser(utterance_ids: Sequence[str], dtype: str, segment_shape: tuple[int, int, int]) -> Callable:
    """Returns a function that decodes a serialized segment, for `tf.data.Dataset.map`.

    Args:
        utterance_ids: ids of all utterances, in the order of utterances.csv.
        dtype: precision of the stored features.
        segment_shape: (frames, bands, channels).

    Returns:
        A function from a string tensor to a dict of tensors: features [frames, bands, channels] of `dtype`, and the int32
        scalars num_frames, label, utterance, which is a row of utterances.csv (-1 for an unknown id), and segment, its
        position in the utterance.
    """
    import tensorflow as tf

    rows = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(list(utterance_ids), tf.range(len(utterance_ids), dtype=tf.int32)),
        default_value=-1,
    )
    schema = {
        "features": tf.io.FixedLenFeature([], tf.string),
        "num_frames": tf.io.FixedLenFeature([], tf.int64),
        "label": tf.io.FixedLenFeature([], tf.int64),
        "utterance": tf.io.FixedLenFeature([], tf.string),
        "segment": tf.io.FixedLenFeature([], tf.int64),
    }

    def parse(serialized):
        example = tf.io.parse_single_example(serialized, schema)
        features = tf.io.decode_raw(example["features"], tf.as_dtype(dtype))
        return {
            "features": tf.reshape(features, segment_shape),
            "num_frames": tf.cast(example["num_frames"], tf.int32),
            "label": tf.cast(example["label"], tf.int32),
            "utterance": rows.lookup(example["utterance"]),
            "segment": tf.cast(example["segment"], tf.int32),
        }

    return parse
