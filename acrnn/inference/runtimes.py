"""Runtimes of an exported model: ONNX Runtime, LiteRT or TensorFlow. All give the same outputs for the same waveform."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from acrnn.console import import_quietly, silenced
from acrnn.errors import FieldError, missing_extra
from acrnn.inference.raw_prediction import RawPrediction
from acrnn.model_card import FORMATS, WORDS, Card, checksums
from acrnn.segments import pool_logits
from acrnn.text.vocabulary import Vocabulary

AUTO = "auto"
# Formats in the order in which "auto" tries them: the fastest to start first.
PREFERENCE = ("onnx", "litert", "saved-model", "onnx-int8", "litert-float16", "litert-int8")
_BATCH_SECONDS = 120.0  # longest batch, including its padding; bounds the memory

Arrays = dict[str, np.ndarray]
# Of one utterance: "text" a string, "speaker_embedding" float [size], "speaker_statistics" float [2, bands, channels].
AuxiliaryInputs = Mapping[str, Any]


# Takes waveforms, each float32 [samples], and the auxiliary inputs of each.
Run = Callable[[Sequence[np.ndarray], Sequence[AuxiliaryInputs]], list[RawPrediction]]


def _batched(call: Callable[[Arrays], Arrays], card: Card) -> Run:
    """Makes a runtime from a function of a padded batch; utterances of similar lengths share a batch."""

    def run(waveforms: Sequence[np.ndarray], auxiliary_inputs: Sequence[AuxiliaryInputs]) -> list[RawPrediction]:
        predictions: dict[int, RawPrediction] = {}
        order = sorted(range(len(waveforms)), key=lambda index: -len(waveforms[index]))
        while order:
            size = max(1, int(_BATCH_SECONDS * card.sample_rate_hz / len(waveforms[order[0]])))
            indices, order = order[:size], order[size:]
            batch = _padded([waveforms[index] for index in indices])
            outputs = call({**batch, **_stacked(card, [auxiliary_inputs[index] for index in indices])})
            for row, index in enumerate(indices):
                values = {name: value[row] for name, value in outputs.items()}
                predictions[index] = RawPrediction.from_outputs(values, card.frontend.hop_seconds)
        return [predictions[index] for index in range(len(waveforms))]

    return run


def _padded(waveforms: Sequence[np.ndarray]) -> Arrays:
    """Returns waveform float32 [batch, samples], padded with zeros, and num_samples int32 [batch]."""
    lengths = np.array([len(waveform) for waveform in waveforms], np.int32)
    batch = np.zeros((len(waveforms), lengths.max()), np.float32)
    for row, waveform in zip(batch, waveforms, strict=True):
        row[: len(waveform)] = waveform
    return {"waveform": batch, "num_samples": lengths}


def _stacked(card: Card, auxiliary_inputs: Sequence[AuxiliaryInputs]) -> Arrays:
    """Returns the auxiliary inputs of a model by name, one row an utterance; the statistics of no speaker are zero."""
    types = {"text": object, "speaker_embedding": np.float32}
    stacked = {
        name: np.array([inputs[name] for inputs in auxiliary_inputs], types[name]) for name in card.auxiliary_inputs
    }
    for name, shape in _speaker_shapes(card).items():
        none = np.zeros((2, *shape), np.float32)
        stacked[name] = np.stack([inputs.get(name, none) for inputs in auxiliary_inputs])
    return stacked


def _speaker_shapes(card: Card) -> dict[str, tuple[int, ...]]:
    """Inputs of a model for speaker profiles, with the shape of a mean."""
    shapes = {} if card.prior is None else {"speaker_statistics": card.prior.statistics.mean.shape}
    return shapes if card.speaker_dense is None else {**shapes, "speaker_dense": (len(card.speaker_dense["mean"]),)}


def _tokenizer(folder: Path, card: Card) -> Callable[[Arrays], Arrays]:
    """Returns a function that adds token ids for the texts among the inputs, for a runtime without strings.

    Raises:
        ValueError: the model takes texts, and its vocabulary is missing.
    """
    if "text" not in card.auxiliary_inputs:
        return lambda inputs: inputs
    path = folder / WORDS
    if not path.is_file():
        raise ValueError(f"{path}: missing, and the model takes texts; export it again")
    vocabulary = Vocabulary(tuple(path.read_text(encoding="utf-8").splitlines()))

    def with_tokens(inputs: Arrays) -> Arrays:
        tokens, num_words = vocabulary.ids(inputs["text"].tolist())
        return {**inputs, "tokens": tokens, "num_words": num_words}

    return with_tokens


def tensorflow_runtime(path: Path, card: Card, threads: int | None) -> Run:
    """Loads a SavedModel.

    Args:
        path: its file saved_model.pb.
    """
    import_quietly("tensorflow")
    import tensorflow as tf

    if threads:
        with suppress(RuntimeError):  # TensorFlow fixes the number of threads at its first computation
            tf.config.threading.set_intra_op_parallelism_threads(threads)
    with silenced():
        function = tf.saved_model.load(str(path.parent)).signatures[
            "speaker" if card.takes_speaker else "serving_default"
        ]

    def call(inputs: Arrays) -> Arrays:
        outputs = function(**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in outputs.items() if name not in ("emotion", "error")}

    return _batched(call, card)


def onnx_runtime(path: Path, card: Card, threads: int | None) -> Run:
    """Loads an ONNX file.

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
    # idle threads sleep instead of spinning, which takes half of the processor time from whatever else runs
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    output_names = [output.name for output in session.get_outputs()]
    input_names = [node.name for node in session.get_inputs()]  # the conversion drops unused inputs
    with_tokens = _tokenizer(path.parent, card)

    def call(inputs: Arrays) -> Arrays:
        values = with_tokens(inputs)
        outputs = session.run(None, {name: values[name] for name in input_names})
        return dict(zip(output_names, outputs, strict=True))

    return _batched(call, card)


def litert_runtime(path: Path, card: Card, threads: int | None) -> Run:
    """Loads a LiteRT file. This function cuts and pools utterances, since recurrent layers have fixed shapes there.

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
    input_names, with_tokens = list(segments.get_input_details()), _tokenizer(path.parent, card)

    def predict(waveform: np.ndarray, auxiliary_inputs: AuxiliaryInputs) -> RawPrediction:
        shared = with_tokens(_stacked(card, [auxiliary_inputs]))
        speaker = {name: shared.pop(name) for name in ("speaker_statistics",) if name in shared}
        extracted = features(waveform=waveform[None], num_samples=np.array([len(waveform)], np.int32), **speaker)
        frames = extracted["features"][0, : extracted["num_frames"][0]]
        starts, parts, counts = _cut(card, frames)
        outputs = []
        for part, count in zip(parts, counts, strict=True):
            values = {"features": part[None], "num_frames": np.array([count], np.int32), **shared}
            outputs.append(segments(**{name: values[name] for name in input_names}))
        first = card.frontend.bounds(waveform)[0] // card.frontend.hop_samples
        return _pooled(card, outputs, [first + start for start in starts], counts)

    def run(waveforms: Sequence[np.ndarray], auxiliary_inputs: Sequence[AuxiliaryInputs]) -> list[RawPrediction]:
        with silenced():
            return [
                predict(np.asarray(waveform, np.float32), inputs)
                for waveform, inputs in zip(waveforms, auxiliary_inputs, strict=True)
            ]

    return run


def _cut(card: Card, frames: np.ndarray) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Cuts the frames of an utterance: starts, segments [segments, frames, …] and numbers of real frames."""
    if card.whole_utterances:
        return [0], frames[None], np.array([len(frames)], np.int32)
    return card.rule.starts(len(frames)), *card.rule.cut(frames)


def _pooled(card: Card, outputs: Sequence[Arrays], starts: Sequence[int], counts: np.ndarray) -> RawPrediction:
    """Combines the outputs for the segments of an utterance, each with a batch of one."""
    logits = np.concatenate([output["logits"] for output in outputs])
    attention = None
    if card.has_attention:
        attention = [output["attention"][0, :count] for output, count in zip(outputs, counts, strict=True)]
    return RawPrediction(
        probabilities=pool_logits(logits, np.zeros(len(outputs), int), 1, card.pooling)[0],
        segment_probabilities=np.concatenate([output["probabilities"] for output in outputs]),
        segment_starts=np.array(starts),
        segment_frames=counts,
        attention=attention,
        embeddings=np.concatenate([output["embeddings"] for output in outputs]) if card.speaker_dense else None,
    )


# By the module that runs a format, see `model_card.Format`.
_LOADERS: dict[str, Callable[[Path, Card, int | None], Run]] = {
    "onnxruntime": onnx_runtime,
    "ai_edge_litert": litert_runtime,
    "tensorflow": tensorflow_runtime,
}


def choose(folder: Path, runtime: str = AUTO) -> str:
    """Returns the format to run in a version folder.

    Args:
        folder: version folder of a model.
        runtime: a key in `model_card.FORMATS`, or "auto".

    Raises:
        FieldError: the runtime is unknown.
        FileNotFoundError: the model has no file for it.
        ImportError: no installed runtime can run the model.
    """
    if runtime != AUTO:
        if runtime not in FORMATS:
            raise FieldError("runtime", runtime, f"it is unknown; choose from {AUTO}, {', '.join(PREFERENCE)}")
        if not (folder / FORMATS[runtime].file).is_file():
            raise FileNotFoundError(
                f"{folder}: has no {FORMATS[runtime].file}; export the format {runtime}, or choose another runtime"
            )
        return runtime
    exported = [name for name in PREFERENCE if (folder / FORMATS[name].file).is_file()]
    if not exported:
        raise FileNotFoundError(f"{folder}: holds a card but no model; export it again")
    for name in exported:
        if importlib.util.find_spec(FORMATS[name].runtime):
            return name
    modules = " or ".join(dict.fromkeys(FORMATS[name].runtime for name in exported))
    raise ImportError(f"{folder}: no runtime for it is installed; install {modules}")


def start(folder: Path, card: Card, runtime: str = AUTO, threads: int | None = None) -> tuple[str, Run]:
    """Loads the model in a version folder; returns the name of its format and the function that runs it.

    Raises:
        ValueError: the model is damaged; for other errors see `choose`.
    """
    name = choose(folder, runtime)
    path = folder / FORMATS[name].file
    checksums.check(folder, card.sha256, FORMATS[name], [WORDS.as_posix()])
    try:
        return name, _LOADERS[FORMATS[name].runtime](path, card, threads)
    except ImportError:
        raise
    except Exception as error:  # each runtime has errors of its own for a file that it cannot read
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"{path}: damaged, or no model of this kind ({first}); export it again") from error
