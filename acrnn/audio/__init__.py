"""Reads sound files as mono float32 waveforms in [-1, 1] at the sampling rate of a front end. Errors name the file."""

from acrnn.audio.decoding import blocks, duration_seconds, load_waveform, sample_rate_hz
from acrnn.audio.folders import left_out, readable_suffixes, sound_files, visible_files
from acrnn.audio.kinds import SUFFIXES
from acrnn.audio.source import Content, Part
from acrnn.audio.waveform import AudioError, check_waveform, finite, mono, resampled

__all__ = [
    "SUFFIXES",
    "AudioError",
    "Content",
    "Part",
    "blocks",
    "check_waveform",
    "duration_seconds",
    "finite",
    "left_out",
    "load_waveform",
    "mono",
    "readable_suffixes",
    "resampled",
    "sample_rate_hz",
    "sound_files",
    "visible_files",
]
