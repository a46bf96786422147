"""Speaker embeddings of utterances: read from a table of Kaldi or numpy, or computed by a speaker model in ONNX."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePath

import numpy as np

from acrnn import files, vector_tables
from acrnn.errors import missing_extra
from data_prep.answer_cache import Program, cached_answers
from data_prep.corpora.base import Utterance

SAMPLE_RATE_HZ = 16000


def from_table(path: Path, utterances: Sequence[Utterance]) -> dict[str, np.ndarray]:
    """Reads embeddings float32 [size], by utterance id.

    Args:
        path: a table that `acrnn.vector_tables` reads, with utterance ids as names.
        utterances: the utterances.

    Raises:
        ValueError: the table lacks an utterance.
    """
    table = vector_tables.read(path)
    missing = [utterance.id for utterance in utterances if utterance.id not in table]
    if missing:
        raise ValueError(
            f"{path}: no embedding of {len(missing)} of {len(utterances)} utterances ({', '.join(missing[:3])} …); "
            "its names must be the utterances' ids"
        )
    return {utterance.id: table[utterance.id] for utterance in utterances}


def from_model(
    path: Path,
    utterances: Sequence[Utterance],
    cache: Path,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, np.ndarray]:
    """Computes embeddings float32 [size], by utterance id, without recordings that cannot be used.

    Args:
        path: ONNX model; its input is a waveform float32 [1, samples] in [-1, 1] at 16 kHz, its first output an embedding
            [1, size].
        utterances: the utterances.
        cache: file of the embeddings that were computed before, see `cached_answers`.
        jobs: number of processes.
        progress: called with the number of utterances done and the total.

    Raises:
        FileNotFoundError: the model does not exist.
        ImportError: the extra [onnx-runtime] is not installed.
        ValueError: the model takes another input, or fails on a recording.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; a speaker model is an ONNX file")
    make_program = partial(_embedding_program, path)
    make_program()  # a model that cannot be used fails here, before the work
    description = f"{PurePath(path).name} {files.sha256_of_file(path)}"
    answers = cached_answers(utterances, description, make_program, cache, SAMPLE_RATE_HZ, jobs, progress)
    return {utterance_id: _decoded(answer) for utterance_id, answer in answers.items() if answer}


def _embedding_program(path: Path) -> Program:
    """Returns a program that answers with the base64 code of an embedding."""
    session = _session(path)
    name = _input_name(path, session)

    def embed(waveform: np.ndarray) -> str:
        try:
            embedding = session.run(None, {name: np.asarray(waveform, np.float32)[None]})[0]
        except Exception as error:  # ONNX Runtime has an error class for each kind of failure
            raise ValueError(
                f"{path}: fails on a recording of {len(waveform)} samples ({len(waveform) / SAMPLE_RATE_HZ:.2f} s): "
                f"{str(error).splitlines()[0]}; it must take recordings of any length"
            ) from error
        return base64.b64encode(np.asarray(embedding, "<f4").reshape(-1).tobytes()).decode()

    return embed


def _session(path: Path):
    try:
        import onnxruntime
    except ImportError as error:
        raise missing_extra("onnx-runtime", "a speaker model", error) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has an error class for each kind of damage
        raise ValueError(f"{path}: no ONNX model that can be run ({str(error).splitlines()[0]})") from error


def _input_name(path: Path, session) -> str:
    """Returns the name of the model's input.

    Raises:
        ValueError: the model does not take one waveform of any length.
    """
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 2 or inputs[0].type != "tensor(float)":
        takes = ", ".join(f"{item.name} {item.type} {item.shape}" for item in inputs)
        raise ValueError(
            f"{path}: takes {takes}; a speaker model takes one waveform, float [batch, samples]: put its features in the graph"
        )
    if isinstance(samples := inputs[0].shape[1], int):
        raise ValueError(
            f"{path}: takes waveforms of {samples} samples only, and recordings differ in length; export it with a "
            "dynamic second dimension"
        )
    return inputs[0].name


def _decoded(answer: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(answer), "<f4")


def check_sizes(table: Mapping[str, np.ndarray], origin: str) -> None:
    """Refuses a table of embeddings unless all are finite and of one size.

    Args:
        table: embeddings [size], by utterance id.
        origin: file that the message names.

    Raises:
        ValueError: the table is empty, or embeddings differ in size or are not finite.
    """
    sizes = {len(vector) for vector in table.values()}
    if len(sizes) != 1 or not all(np.isfinite(vector).all() for vector in table.values()):
        raise ValueError(f"{origin}: embeddings of sizes {sorted(sizes)}, or not finite; all must be alike")
