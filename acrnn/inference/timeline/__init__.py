"""Emotions over the time of a long recording: windows, stretches of one emotion, and the files and the command for them."""

from acrnn.inference.timeline.recording import Stretch, Window, stretches, windows

__all__ = ["Stretch", "Window", "stretches", "windows"]
