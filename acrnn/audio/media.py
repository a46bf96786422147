"""Sounds that libsndfile does not read, such as m4a, webm and videos: decoded by PyAV, or by the program ffmpeg.

Of several sound tracks, the first is taken. The demuxer is fixed by the content of the file, so that no playlist is followed.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, BinaryIO, cast

import numpy as np

from acrnn.audio.kinds import Kind
from acrnn.audio.source import Content
from acrnn.audio.track import Track, part
from acrnn.audio.waveform import AudioError

REMEDY = 'install the extra [av] with: pip install "acrnn[av]", or ffmpeg'
_AU_HEADER = np.dtype(">u4"), 6  # magic number, bytes before the samples, their size, encoding, rate, channels
_FFMPEG_BLOCK = 2**16  # bytes
_SCALES = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63, "flt": 1.0, "dbl": 1.0}
# Decoders that may look at a file when it is opened: none of video, whose pictures can be huge.
_SOUND_DECODERS = (
    "aac,alac,flac,opus,libopus,vorbis,mp3,mp3float,mp2,ac3,eac3,dca,truehd,amrnb,amrwb,"
    "wmav1,wmav2,wmapro,wmalossless,wmavoice,"
    "pcm_u8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_mulaw,pcm_alaw"
)


def is_installed() -> bool:
    """Returns whether PyAV or the program ffmpeg is there."""
    return find_spec("av") is not None or shutil.which("ffmpeg") is not None


@contextmanager
def opened_track(source: str | Path | Content, file: BinaryIO, kind: Kind) -> Iterator[Track]:
    """Opens the first sound track of a file.

    Args:
        source: the file, or its content.
        file: the same, open for reading.
        kind: see `kinds.kind_of`.

    Raises:
        AudioError: no decoder is installed, or the file is damaged or has no sound track.
    """
    name = str(source)
    if find_spec("av") is not None:
        with _by_pyav(name, file, kind) as track:
            yield track
    elif shutil.which("ffmpeg") is not None:
        with _path(source) as path, _by_ffmpeg(name, path, kind) as track:
            yield track
    else:
        raise AudioError(f"{name}: {kind.title}; to read it, {REMEDY}, or convert it to WAV")


@contextmanager
def _by_pyav(name: str, file: BinaryIO, kind: Kind) -> Iterator[Track]:
    import av
    from av.stream import Discard

    limits = {"protocol_whitelist": "", "codec_whitelist": _SOUND_DECODERS}
    with av.open(file, "r", format=kind.demuxer, container_options=limits) as container:
        if not container.streams.audio:
            raise AudioError(f"{name}: {kind.title} without a sound track; leave it out")
        stream = container.streams.audio[0]
        for other in container.streams:
            if other is not stream:
                other.discard = Discard.all
        frames = (frame for frame in container.decode(stream) if frame.samples)
        first = next(frames, None)
        if first is None:
            raise AudioError(f"{name}: holds no samples; record it again or leave it out")
        rate, channels = first.sample_rate, first.layout.nb_channels
        duration = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0

        def blocks(begin: int, stop: int | None) -> Iterator[np.ndarray]:
            return part(name, rate, _arrays(name, first, frames), begin, stop)

        subtype = "PCM_U8" if first.format.name.startswith("u8") else stream.codec_context.name
        seconds = duration or (container.duration or 0) / av.time_base
        yield Track(kind.demuxer, subtype, rate, channels, None, max(0.0, seconds), blocks)


def _arrays(name: str, first, frames) -> Iterator[np.ndarray]:
    """Samples float32 [samples, channels] of the frames of PyAV."""
    rate, channels = first.sample_rate, first.layout.nb_channels
    frame = first
    while frame is not None:
        if (frame.sample_rate, frame.layout.nb_channels) != (rate, channels):
            raise AudioError(
                f"{name}: its sampling rate or number of channels changes in the middle; convert it to WAV"
            )
        values = frame.to_ndarray()
        samples = values.T if frame.format.is_planar else values.reshape(-1, channels)
        kind = frame.format.name.removesuffix("p")
        offset = 128 if kind == "u8" else 0
        yield ((samples - offset) / _SCALES[kind]).astype(np.float32)
        frame = next(frames, None)


@contextmanager
def _path(source: str | Path | Content) -> Iterator[Path]:
    """Path of a sound; a temporary file for one that has none."""
    if not isinstance(source, Content):
        yield Path(source)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound"
        path.write_bytes(source.content)
        yield path


@contextmanager
def _by_ffmpeg(name: str, path: Path, kind: Kind) -> Iterator[Track]:
    only_files = ["-protocol_whitelist", "file,pipe", "-codec_whitelist", _SOUND_DECODERS, "-f", kind.demuxer]
    command = ["ffmpeg", "-nostdin", "-v", "error", "-xerror", *only_files, "-i", f"file:{path}"]
    command += ["-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    with (
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages) as process,
    ):
        try:
            yield _au_track(name, kind, process, messages)
        finally:
            process.kill()


def _au_track(name: str, kind: Kind, process: subprocess.Popen, messages: IO[bytes]) -> Track:
    """The track that ffmpeg writes to its output, in the format AU."""
    output = cast(IO[bytes], process.stdout)
    number_type, count = _AU_HEADER
    header = np.frombuffer(output.read(count * number_type.itemsize), number_type)
    if len(header) < count:
        _check_end(name, process, messages)
        raise AudioError(f"{name}: holds no samples; record it again or leave it out")
    output.read(int(header[1]) - header.nbytes)
    rate, channels = int(header[4]), int(header[5])

    def whole() -> Iterator[np.ndarray]:
        size = 4 * channels * max(1, _FFMPEG_BLOCK // (4 * channels))
        while content := output.read(size):
            yield np.frombuffer(content, ">f4").astype(np.float32).reshape(-1, channels)
        _check_end(name, process, messages)

    def blocks(begin: int, stop: int | None) -> Iterator[np.ndarray]:
        return part(name, rate, whole(), begin, stop)

    return Track(kind.demuxer, "", rate, channels, None, 0.0, blocks)


def _check_end(name: str, process: subprocess.Popen, messages: IO[bytes]) -> None:
    """Raises an AudioError if ffmpeg failed."""
    if process.wait() == 0:
        return
    messages.seek(0)
    lines = messages.read(2**16).decode(errors="replace").strip().splitlines()
    reason = lines[-1] if lines else f"exit status {process.returncode}"
    raise AudioError(f"{name}: not readable as audio ({reason}); copy or export it again, or convert it to WAV")
