"""Tables of embeddings, as NPZ or Parquet files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from acrnn import files
from acrnn.errors import FieldError, missing_extra
from acrnn.inference.embeddings.collection import Embedded


def check_path(path: Path) -> None:
    """Raises an error if a table of embeddings cannot be written to a path.

    Raises:
        FieldError: the file exists, or its name ends with neither .npz nor .parquet.
        ImportError: the extra [parquet] is missing.
    """
    if path.suffix not in _WRITERS:
        raise FieldError("embeddings", path, "it writes NPZ and Parquet; let the name end with .npz or .parquet")
    if path.exists():
        raise FieldError("embeddings", path, "it exists already; delete it, or choose another name")
    if path.suffix == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError as error:
            raise missing_extra("parquet", "a table of embeddings as Parquet", error) from error


def write(path: Path, rows: Sequence[Embedded]) -> None:
    """Writes a table of embeddings, atomically.

    An NPZ file holds `source` [utterances], `embedding` float32 [utterances, units], the mean over the segments of each utterance, and
    for each segment `segment_source` [segments], `segment_start_seconds` [segments] and `segment_embedding` float32 [segments, units].

    A Parquet file has one row per utterance: `path`, `emotion` (null if no speech was found), `probability_…` of each emotion,
    `embedding`, a list of float32, and the lists `segment_start_seconds`, `segment_end_seconds` and `segment_embedding`.

    Args:
        path: file to write, checked by `check_path`.
        rows: the recordings.
    """
    files.make_folder(path.parent)
    with files.atomic_path(path) as partial:
        _WRITERS[path.suffix](partial, rows)


def _write_npz(path: Path, rows: Sequence[Embedded]) -> None:
    sources, counts = np.array([row.source for row in rows], str), [len(row.segments) for row in rows]
    units = rows[0].segments.shape[1] if rows else 0
    with path.open("wb") as file:
        np.savez(
            file,
            source=sources,
            embedding=np.array([row.vector for row in rows], np.float32).reshape(-1, units),
            segment_source=np.repeat(sources, counts),
            segment_start_seconds=np.array([start for row in rows for start in row.starts]),
            segment_embedding=np.concatenate([*(row.segments for row in rows), np.zeros((0, units), np.float32)]),
        )


def _write_parquet(path: Path, rows: Sequence[Embedded]) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    floats, seconds = pa.list_(pa.float32()), pa.list_(pa.float64())
    columns = {
        "path": pa.array([row.source for row in rows], pa.string()),
        "emotion": pa.array([row.emotion for row in rows], pa.string()),
        **{
            f"probability_{name}": pa.array([row.probabilities[name] for row in rows], pa.float64())
            for name in (rows[0].probabilities if rows else ())
        },
        "embedding": pa.array([row.vector for row in rows], floats),
        "segment_start_seconds": pa.array([row.starts for row in rows], seconds),
        "segment_end_seconds": pa.array([row.ends for row in rows], seconds),
        "segment_embedding": pa.array([list(row.segments) for row in rows], pa.list_(floats)),
    }
    pyarrow.parquet.write_table(pa.table(columns), path)


_WRITERS: dict[str, Callable[[Path, Sequence[Embedded]], None]] = {".npz": _write_npz, ".parquet": _write_parquet}
