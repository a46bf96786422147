"""A recogniser as one ONNX file: waveforms of any length in, what `RecognitionGraph.utterances` says out.

ONNX has no operations on strings worth the name, so a network that reads takes token ids: `acrnn.inference` makes them, by
the words that lie beside the card.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import tensorflow as tf

from acrnn.errors import missing_extra
from acrnn.export.graph import RecognitionGraph
from acrnn.export.trained_model import Trained

OPSET = 18
FILE, SMALL_FILE = "model.onnx", "model.int8.onnx"


def write(trained: Trained, folder: Path) -> None:
    """Writes model.onnx into a folder; the labels are in its metadata.

    Raises:
        ImportError: the extra [onnx] is not installed.
    """
    try:
        import onnx
        import tf2onnx
    except ImportError as error:
        raise missing_extra("onnx", "--format onnx", error) from error
    graph = RecognitionGraph(trained, fft=False)
    signature = [
        tf.TensorSpec([None, None], tf.float32, name="waveform"),
        tf.TensorSpec([None], tf.int32, name="num_samples"),
        *graph.auxiliary_inputs,
    ]
    function = tf.function(graph.utterances, input_signature=signature)
    model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    onnx.helper.set_model_props(model, {"labels": json.dumps(list(trained.labels))})
    onnx.save(model, folder / FILE)


def quantize(folder: Path) -> None:
    """Writes model.int8.onnx beside model.onnx: weights of products as 8-bit integers, scaled as the values come.

    Raises:
        ImportError: the extra [onnx] is not installed.
    """
    try:
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise missing_extra("onnx", "--format onnx-int8", error) from error
    logging.disable(logging.WARNING)  # it names every tensor of integers as one that it leaves as it is
    try:
        quantize_dynamic(folder / FILE, folder / SMALL_FILE, weight_type=QuantType.QInt8)
    finally:
        logging.disable(logging.NOTSET)
