"""What runs an exported model: ONNX Runtime, LiteRT or TensorFlow; each says the same of the same waveform."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acrnn.console import import_quietly, silenced
from acrnn.errors import UsageError, missing_extra
from acrnn.model_card import WORDS, Card
from acrnn.segments import pool_logits
from acrnn.text.vocabulary import Vocabulary

_SECONDS_AT_ONCE = 120.0  # of a batch, its padding included: bounds the memory


@dataclass(frozen=True)
class Raw:
    """What a model says of one utterance.

    Attributes:
        probabilities: float [classes].
        segment_probabilities: float [segments, classes].
        segment_starts: first frame of each segment, int [segments].
        segment_frames: real frames of each segment, int [segments].
        attention: for each segment float [real frames], summing to one; None for a network without.
    """

    probabilities: np.ndarray
    segment_probabilities: np.ndarray
    segment_starts: np.ndarray
    segment_frames: np.ndarray
    attention: list[np.ndarray] | None


# Waveforms, and what the model takes beside each: "text" a string, "speaker_embedding" [size].
Run = Callable[[Sequence[np.ndarray], Sequence[Mapping[str, object]]], list[Raw]]


def _batched(call: Callable[[dict[str, np.ndarray]], dict], card: Card) -> Run:
    """A runtime from a function of a padded batch, by name; similar lengths go together."""
    hop = card.frontend.hop_seconds

    def run(waveforms: Sequence[np.ndarray], beside: Sequence[Mapping[str, object]]) -> list[Raw]:
        found: list[Raw | None] = [None] * len(waveforms)
        order = sorted(range(len(waveforms)), key=lambda index: -len(waveforms[index]))
        while order:
            longest = len(waveforms[order[0]])
            size = max(1, int(_SECONDS_AT_ONCE * card.sample_rate_hz / longest))
            indices, order = order[:size], order[size:]
            batch = np.zeros((len(indices), longest), np.float32)
            for row, index in zip(batch, indices, strict=True):
                row[: len(waveforms[index])] = waveforms[index]
            lengths = np.array([len(waveforms[index]) for index in indices], np.int32)
            auxiliary_inputs = _stacked(card, [beside[index] for index in indices])
            outputs = call({"waveform": batch, "num_samples": lengths, **auxiliary_inputs})
            for row, index in enumerate(indices):
                found[index] = _raw({name: value[row] for name, value in outputs.items()}, hop)
        return found

    return run


def _stacked(card: Card, beside: Sequence[Mapping[str, object]]) -> dict[str, np.ndarray]:
    """What a model takes beside the sound, by name, a row an utterance."""
    types = {"text": object, "speaker_embedding": np.float32}
    return {name: np.array([one[name] for one in beside], types[name]) for name in card.auxiliary_inputs}


def _reader(folder: Path, card: Card) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """What makes token ids of the texts among the inputs, for a runtime without strings."""
    if "text" not in card.auxiliary_inputs:
        return lambda inputs: inputs
    path = folder / WORDS
    if not path.is_file():
        raise ValueError(f"{path}: missing, and the model reads; export it again")
    vocabulary = Vocabulary(tuple(path.read_text(encoding="utf-8").splitlines()))

    def read(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        tokens, num_words = vocabulary.ids(inputs["text"])
        return {**inputs, "tokens": tokens, "num_words": num_words}

    return read


def _raw(outputs: dict[str, np.ndarray], hop_seconds: float) -> Raw:
    count = int(outputs["num_segments"])
    frames = outputs["segment_num_frames"][:count]
    attention = outputs.get("attention")
    return Raw(
        probabilities=outputs["probabilities"],
        segment_probabilities=outputs["segment_probabilities"][:count],
        segment_starts=np.round(outputs["segment_start_seconds"][:count] / hop_seconds).astype(int),
        segment_frames=frames,
        attention=None if attention is None else [row[:n] for row, n in zip(attention, frames, strict=False)],
    )


def tensorflow_runtime(folder: Path, card: Card, threads: int | None) -> Run:
    """The SavedModel in a folder."""
    import_quietly("tensorflow")
    import tensorflow as tf

    if threads:
        with suppress(RuntimeError):  # it has computed before in this process, and keeps the threads it has
            tf.config.threading.set_intra_op_parallelism_threads(threads)
    with silenced():
        function = tf.saved_model.load(str(folder)).signatures["serving_default"]

    def call(inputs: dict[str, np.ndarray]) -> dict:
        outputs = function(**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in outputs.items() if name != "emotion"}

    return _batched(call, card)


def onnx_runtime(path: Path, card: Card, threads: int | None) -> Run:
    """An ONNX file.

    Raises:
        ImportError: the extra [onnx-runtime] is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise missing_extra("onnx-runtime", path.name, error) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    taken = [given.name for given in session.get_inputs()]  # not those that the model has no use for
    read = _reader(path.parent, card)

    def call(inputs: dict[str, np.ndarray]) -> dict:
        known = read(inputs)
        return dict(zip(names, session.run(None, {name: known[name] for name in taken}), strict=True))

    return _batched(call, card)


def litert_runtime(path: Path, card: Card, threads: int | None) -> Run:
    """A LiteRT file; its utterances are cut and pooled here, since a recurrent layer has fixed shapes there.

    Raises:
        ImportError: the extra [litert-runtime] is not installed.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise missing_extra("litert-runtime", path.name, error) from error
    with silenced():
        interpreter = Interpreter(str(path), num_threads=threads)
        features = interpreter.get_signature_runner("features")
        segments = interpreter.get_signature_runner("segments")
    taken, read = segments.get_input_details(), _reader(path.parent, card)

    def one(waveform: np.ndarray, beside: Mapping[str, object]) -> Raw:
        auxiliary_inputs = read(_stacked(card, [beside]))
        found = features(waveform=waveform[None], num_samples=np.array([len(waveform)], np.int32))["features"][0]
        if card.whole_utterances:
            starts, parts, counts = [0], found[None], [len(found)]
        else:
            starts, (parts, counts) = card.rule.starts(len(found)), card.rule.cut(found)
        known = [
            {"features": part[None], "num_frames": np.array([count], np.int32), **auxiliary_inputs}
            for part, count in zip(parts, counts, strict=True)
        ]
        said = [segments(**{name: inputs[name] for name in taken}) for inputs in known]
        logits = np.concatenate([outputs["logits"] for outputs in said])
        shown = zip(said, counts, strict=True) if card.has_attention else ()
        attention = [outputs["attention"][0, :count] for outputs, count in shown]
        return Raw(
            probabilities=pool_logits(logits, np.zeros(len(parts), int), 1, card.pooling)[0],
            segment_probabilities=np.concatenate([outputs["probabilities"] for outputs in said]),
            segment_starts=np.array(starts),
            segment_frames=np.array(counts),
            attention=attention or None,
        )

    def run(waveforms: Sequence[np.ndarray], beside: Sequence[Mapping[str, object]]) -> list[Raw]:
        with silenced():
            return [
                one(np.asarray(waveform, np.float32), more) for waveform, more in zip(waveforms, beside, strict=True)
            ]

    return run


@dataclass(frozen=True)
class Runtime:
    """A way to run a model: the file it needs in the version folder, the module it needs, and what starts it."""

    file: str
    module: str
    start: Callable[[Path, Card, int | None], Run]


# In the order in which they are tried: the quickest to start first.
RUNTIMES = {
    "onnx": Runtime("model.onnx", "onnxruntime", onnx_runtime),
    "litert": Runtime("model.tflite", "ai_edge_litert", litert_runtime),
    "saved-model": Runtime("saved_model.pb", "tensorflow", tensorflow_runtime),
    "onnx-int8": Runtime("model.int8.onnx", "onnxruntime", onnx_runtime),
    "litert-float16": Runtime("model.float16.tflite", "ai_edge_litert", litert_runtime),
    "litert-int8": Runtime("model.int8.tflite", "ai_edge_litert", litert_runtime),
}
AUTO = "auto"


def choose(folder: Path, wanted: str = AUTO) -> str:
    """The runtime to use for a version folder.

    Raises:
        UsageError: the one that is wanted is unknown.
        FileNotFoundError: the model has no file for it.
        ImportError: none that is installed can run the model.
    """
    if wanted != AUTO:
        if wanted not in RUNTIMES:
            raise UsageError(f"--runtime {wanted}: it is unknown; choose from {AUTO}, {', '.join(RUNTIMES)}")
        if not (folder / RUNTIMES[wanted].file).is_file():
            raise FileNotFoundError(
                f"{folder}: has no {RUNTIMES[wanted].file}; export it with --format {wanted}, or choose another runtime"
            )
        return wanted
    there = [name for name, runtime in RUNTIMES.items() if (folder / runtime.file).is_file()]
    if not there:
        raise FileNotFoundError(f"{folder}: holds a card but no model; export it again")
    for name in there:
        if importlib.util.find_spec(RUNTIMES[name].module):
            return name
    modules = " or ".join(dict.fromkeys(RUNTIMES[name].module for name in there))
    raise ImportError(f"{folder}: nothing that runs it is installed; install {modules}")


def start(folder: Path, card: Card, wanted: str = AUTO, threads: int | None = None) -> tuple[str, Run]:
    """The runtime of a version folder, by name, started.

    Raises:
        ValueError: the model is damaged; otherwise see `choose`.
    """
    name = choose(folder, wanted)
    runtime = RUNTIMES[name]
    path = folder / runtime.file
    try:
        return name, runtime.start(folder if name == "saved-model" else path, card, threads)
    except ImportError:
        raise
    except Exception as error:  # each runtime has errors of its own for a file it cannot read
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"{path}: damaged, or no model of this kind ({first}); export it again") from error
