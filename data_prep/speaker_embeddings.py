"""Speaker embeddings of utterances: from a table that Kaldi or numpy wrote, or from a speaker model in ONNX."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePath

import numpy as np

from acrnn import files, vector_tables
from acrnn.errors import missing_extra
from data_prep.answer_cache import computed
from data_prep.corpora.base import Utterance

SAMPLE_RATE_HZ = 16000


def of_table(path: Path, utterances: Sequence[Utterance]) -> dict[str, np.ndarray]:
    """Embeddings float32 [size] by utterance id, from a file of `vectors.KINDS` with utterance ids for names.

    Raises:
        ValueError: some utterance has none.
    """
    table = vector_tables.read(path)
    missing = [utterance.id for utterance in utterances if utterance.id not in table]
    if missing:
        raise ValueError(
            f"{path}: no embedding of {len(missing)} of {len(utterances)} utterances ({', '.join(missing[:3])} …); "
            "its names must be the utterances' ids"
        )
    return {utterance.id: table[utterance.id] for utterance in utterances}


def of_model(
    path: Path,
    utterances: Sequence[Utterance],
    kept: Path,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, np.ndarray]:
    """Embeddings float32 [size] by utterance id, computed; recordings that cannot be used have none.

    Args:
        path: an ONNX model from a waveform float32 [1, samples] in [-1, 1] at 16 kHz to an embedding [1, size], its first
            output.
        kept: file of the embeddings that were computed so far, see `computed`.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: the extra [onnx-runtime] is not installed.
        ValueError: the model takes something else, or fails on a recording.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; --speaker-model takes an ONNX file")
    make = partial(_embedder, path)
    make()  # a wrong model is told before the work
    description = f"{PurePath(path).name} {files.sha256_of_file(path)}"
    answers = computed(utterances, description, make, kept, SAMPLE_RATE_HZ, jobs, progress)
    return {name: _decoded(answer) for name, answer in answers.items() if answer}


def _embedder(path: Path) -> Callable[[np.ndarray], str]:
    try:
        import onnxruntime
    except ImportError as error:
        raise missing_extra("onnx-runtime", "--speaker-model", error) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # each kind of damage has an error of its own
        raise ValueError(f"{path}: no ONNX model that can be run ({str(error).splitlines()[0]})") from error
    given = session.get_inputs()
    if len(given) != 1 or len(given[0].shape) != 2 or given[0].type != "tensor(float)":
        takes = ", ".join(f"{one.name} {one.type} {one.shape}" for one in given)
        raise ValueError(
            f"{path}: takes {takes}; a speaker model takes one waveform, float [batch, samples]: put its features in the graph"
        )
    if isinstance(samples := given[0].shape[1], int):
        raise ValueError(
            f"{path}: takes waveforms of {samples} samples only, and recordings differ in length; export it with a "
            "dynamic second dimension"
        )

    def embed(waveform: np.ndarray) -> str:
        try:
            found = session.run(None, {given[0].name: np.asarray(waveform, np.float32)[None]})[0]
        except Exception as error:  # each kind of failure has an error of its own
            raise ValueError(
                f"{path}: fails on a recording of {len(waveform)} samples ({len(waveform) / SAMPLE_RATE_HZ:.2f} s): "
                f"{str(error).splitlines()[0]}; it must take recordings of any length"
            ) from error
        return base64.b64encode(np.asarray(found, "<f4").reshape(-1).tobytes()).decode()

    return embed


def _decoded(answer: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(answer), "<f4")


def one_size(table: Mapping[str, np.ndarray], origin: str) -> int:
    """The size of the embeddings.

    Raises:
        ValueError: there are none, or they differ in size or are not finite.
    """
    sizes = {len(vector) for vector in table.values()}
    if len(sizes) != 1 or not all(np.isfinite(vector).all() for vector in table.values()):
        raise ValueError(f"{origin}: embeddings of sizes {sorted(sizes)}, or not finite; all must be alike")
    return sizes.pop()
