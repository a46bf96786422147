"""Recognition with an exported model: files, arrays, folders and streams. Runs without TensorFlow if another runtime can."""

from acrnn.inference.prediction import Failure, Prediction, Segment
from acrnn.inference.recognizer import Recognizer

__all__ = ["Failure", "Prediction", "Recognizer", "Segment"]
