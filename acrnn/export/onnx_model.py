"""A recognizer as one ONNX file: takes waveforms of any length and returns the outputs of `RecognitionGraph.utterances`.

ONNX has few operations on strings, so a network that takes texts has token ids as inputs there. `acrnn.inference` computes
them, with the vocabulary in the version folder.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import tensorflow as tf

from acrnn.errors import missing_extra
from acrnn.export.graph import Outputs, RecognitionGraph
from acrnn.export.trained_model import TrainedModel

OPSET = 18


def write(trained: TrainedModel, path: Path) -> None:
    """Writes an ONNX file; the labels are in its metadata.

    Raises:
        ImportError: the extra [onnx] is not installed.
    """
    try:
        import onnx
        import tf2onnx
    except ImportError as error:
        raise missing_extra("onnx", "the format onnx", error) from error
    graph = RecognitionGraph(trained, fft=False)
    signature = [
        tf.TensorSpec([None, None], tf.float32, name="waveform"),
        tf.TensorSpec([None], tf.int32, name="num_samples"),
        *graph.auxiliary_inputs,
        *graph.speaker_inputs,
    ]

    def recognize(waveform: tf.Tensor, num_samples: tf.Tensor, *inputs: tf.Tensor) -> Outputs:
        count = len(graph.auxiliary_inputs)
        speaker = dict(zip([spec.name for spec in graph.speaker_inputs], inputs[count:], strict=True))
        return graph.utterances(waveform, num_samples, *inputs[:count], **speaker)

    function = tf.function(recognize, input_signature=signature, autograph=False)
    model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    onnx.helper.set_model_props(model, {"labels": json.dumps(list(trained.labels))})
    onnx.save(model, path)


def quantize(path: Path, small_path: Path) -> None:
    """Writes an ONNX file with the matrices of products as 8-bit integers, scaled at run time.

    Every output channel has a scale of its own. The weights use seven of the eight bits: with all eight, sums of two products
    saturate on processors without VNNI instructions (AVX2), where the probabilities then differ by tens of percent.

    Args:
        path: the ONNX file with float32 weights.
        small_path: the file to write.

    Raises:
        ImportError: the extra [onnx] is not installed.
    """
    try:
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise missing_extra("onnx", "the format onnx-int8", error) from error
    logging.disable(logging.WARNING)  # it warns about every tensor of integers, which it leaves unchanged
    try:
        quantize_dynamic(path, small_path, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
    finally:
        logging.disable(logging.NOTSET)
