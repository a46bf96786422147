"""Sounds encoded by PyAV, as the bytes of files that libsndfile does not read."""

import io

import av
import numpy as np


def chirp(seconds: float = 1.0, rate: int = 48000) -> np.ndarray:
    """A tone that rises, int16 [samples]: no two parts of it are alike."""
    time = np.arange(round(seconds * rate)) / rate
    return np.round(9000 * np.sin(2 * np.pi * (200 + 700 * time) * time)).astype(np.int16)


def encoded(*tracks: np.ndarray, container: str, codec: str, rate: int = 48000, with_video: bool = False) -> bytes:
    """A file with one track for each int16 [samples] or [samples, 2]."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        streams = [
            file.add_stream(codec, rate=rate, layout="mono" if track.ndim == 1 else "stereo") for track in tracks
        ]
        if with_video:
            _add_video(file)
        for stream, track in zip(streams, tracks, strict=True):
            stream.codec_context.bit_rate = 128_000
            _encode(file, stream, track, rate)
    return buffer.getvalue()


def _encode(file, stream, track: np.ndarray, rate: int) -> None:
    context = stream.codec_context
    if not context.is_open:  # writing another track has opened it
        context.open()
    layout = context.layout.name
    frame = av.AudioFrame.from_ndarray(track.reshape(1, -1), format="s16", layout=layout)
    frame.sample_rate = rate
    resampler = av.AudioResampler(format=context.format.name, layout=layout, rate=rate)
    fifo = av.AudioFifo()
    for part in resampler.resample(frame) + resampler.resample(None):
        fifo.write(part)
    while (part := fifo.read(context.frame_size or 1024, partial=True)) is not None:
        file.mux(stream.encode(part))
    # FLAC ends with a packet without sound, which the containers refuse
    file.mux([packet for packet in stream.encode(None) if packet.size])


def _add_video(file) -> None:
    stream = file.add_stream("mpeg4", rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    for level in range(10):
        picture = np.full((48, 64, 3), 20 * level, np.uint8)
        file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    file.mux(stream.encode(None))
