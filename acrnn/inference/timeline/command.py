"""`acrnn predict --timeline`: prints the timeline of a recording as a table, and writes it to a file."""

from __future__ import annotations

from argparse import Namespace
from collections import deque
from collections.abc import Iterable, Iterator

from acrnn.errors import UsageError
from acrnn.inference.recognizer import Recognizer
from acrnn.inference.speaker_profile import SpeakerProfile
from acrnn.inference.timeline import files
from acrnn.inference.timeline.recording import Window, windows

_OWN_OPTIONS = {"--window": "window_seconds", "--hop": "hop_seconds", "--out": "out"}
_OTHER_OPTIONS = {
    "--json": "json",
    "--csv": "csv",
    "--plot": "plot",
    "--embeddings": "embeddings",
    "--embeddings-figure": "embeddings_figure",
    "--text": "text",
    "--transcripts": "transcripts",
    "--speaker-embeddings": "speaker_embeddings",
}


def check_options(options: Namespace) -> None:
    """Refuses options of `acrnn predict` that do not go together with --timeline, or not without it.

    Raises:
        UsageError: an option does not fit; or there are several files for a timeline, or no format for the one to write.
    """
    if options.timeline:
        names, problem = _OTHER_OPTIONS, "not with --timeline, which prints a table; --out FILE writes other formats"
    else:
        names, problem = _OWN_OPTIONS, "only with --timeline; add it"
    for name, field in names.items():
        if getattr(options, field) not in (None, False):
            raise UsageError(f"{name}: {problem}")
    if options.timeline and (len(options.files) > 1 or options.files[0].is_dir()):
        raise UsageError(f"--timeline: {' '.join(map(str, options.files))}: it takes one sound file; name one")
    if options.out:
        files.format_of(options.out)


def timeline(recognizer: Recognizer, options: Namespace) -> int:
    """Prints the prediction for each window of a recording as soon as it is known, and writes them; returns the exit status.

    Args:
        recognizer: the model.
        options: options of `acrnn predict`, checked by `check_options`.

    Raises:
        ValueError, OSError: see `recording.windows`.
    """
    path = options.files[0]
    lengths = {name: getattr(options, name) for name in ("window_seconds", "hop_seconds")}
    given = {name: value for name, value in lengths.items() if value is not None}
    speaker = SpeakerProfile.load(options.speaker) if options.speaker else None
    shown = _printed(windows(recognizer, path, speaker=speaker, **given))
    if options.out:
        files.write(options.out, shown, recognizer.card, str(path))
    else:
        deque(shown, maxlen=0)  # takes all of them
    return 0


def _printed(windows: Iterable[Window]) -> Iterator[Window]:
    """Prints every window as a line of a table when it is taken."""
    print(f"{'start':12}  {'end':12}  {'emotion':12}  probability")
    for window in windows:
        share = f"{100 * max(window.probabilities.values()):9.1f} %" if window.emotion else ""
        times = f"{files.clock(window.start_seconds)}  {files.clock(window.end_seconds)}"
        print(f"{times}  {window.emotion or 'no speech':12}  {share}".rstrip(), flush=True)
        yield window
