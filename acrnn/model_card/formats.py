"""The table of export formats. Importing it imports no NumPy, so that `acrnn --help` can list them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A format that models are exported in.

    Attributes:
        title: name for people, also in the card.
        file: file in the version folder.
        runtime: module that runs the file.
        weights: number format of the weights: "float32", "float16" or "int8".
    """

    title: str
    file: str
    runtime: str
    weights: str = "float32"


FORMATS = {
    "saved-model": Format("TensorFlow, for TF Serving", "saved_model.pb", "tensorflow"),
    "onnx": Format("ONNX, float32", "model.onnx", "onnxruntime"),
    "onnx-int8": Format("ONNX, 8-bit weights", "model.int8.onnx", "onnxruntime", "int8"),
    "litert": Format("LiteRT, float32", "model.tflite", "ai_edge_litert"),
    "litert-float16": Format("LiteRT, 16-bit weights", "model.float16.tflite", "ai_edge_litert", "float16"),
    "litert-int8": Format("LiteRT, 8-bit weights", "model.int8.tflite", "ai_edge_litert", "int8"),
}
