"""Counts recordings in which the speech detector finds no speech, and other sounds in which it finds some.

    python experiments/speech_check.py --dataset emodb --data-dir EMODB --output-dir experiments/results/speech_check

The other sounds are synthetic, the same in every call. Writes speech_check.md and speech_check.json; the recordings of more corpora
are added to those in the folder. Expect experiments/results/speech_check/speech_check.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from acrnn import audio, files
from acrnn.console import Parser, run_job
from acrnn.inference import speech_detector
from acrnn.progress import ProgressLine
from acrnn.reports.tables import markdown
from data_prep.arguments import add_recording_arguments, read_recordings
from data_prep.corpora import CORPORA

NAME = "speech_check"
RATE_HZ = 16000
SECONDS = 3.0
EXAMPLES = 50  # of each kind of other sound
NOISE_DB = (20, 10, 5, 0)  # ratio of speech to white noise
SHORT_SECONDS = (1.0, 0.5)  # from the middle of recordings

Sound = Callable[[np.random.Generator], np.ndarray]


def _time(seconds: float = SECONDS) -> np.ndarray:
    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def _noise(rng: np.random.Generator, slope: float = 0.0) -> np.ndarray:
    """Noise whose power falls by a power of the frequency: 0 is white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(round(SECONDS * RATE_HZ)))
    return np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 20) ** (slope / 2))


def _beeps(rng: np.random.Generator) -> np.ndarray:
    """A tone that is switched on and off, like a metronome."""
    on = (_time() * rng.uniform(1, 4)) % 1 < rng.uniform(0.05, 0.5)
    return np.sin(2 * np.pi * rng.uniform(300, 3000) * _time()) * on


def _note(pitch_hz: float, seconds: float) -> np.ndarray:
    """A plucked note of ten harmonics."""
    time = _time(seconds)
    return sum(np.sin(2 * np.pi * pitch_hz * k * time) / k for k in range(1, 11)) * np.exp(-4 * time)


def _pitch(rng: np.random.Generator) -> float:
    return 110.0 * 2 ** (rng.integers(0, 25) / 12)


def _melody(rng: np.random.Generator) -> np.ndarray:
    return np.concatenate([_note(_pitch(rng), SECONDS / 10) for _ in range(10)])


def _chords(rng: np.random.Generator) -> np.ndarray:
    roots = [_pitch(rng) for _ in range(4)]
    return np.concatenate([sum(_note(root * ratio, SECONDS / 4) for ratio in (1, 1.25, 1.5)) for root in roots])


def _hum(rng: np.random.Generator) -> np.ndarray:
    """Mains hum with harmonics and a little noise."""
    tones = sum(np.sin(2 * np.pi * 50 * k * _time()) / k for k in range(1, 10))
    return tones + 0.05 * rng.standard_normal(len(tones))


OTHER_SOUNDS: dict[str, Sound] = {
    "white noise": _noise,
    "pink noise": lambda rng: _noise(rng, 1.0),
    "brown noise": lambda rng: _noise(rng, 2.0),
    "beeps": _beeps,
    "steady tone": lambda rng: np.sin(2 * np.pi * rng.uniform(100, 4000) * _time()),
    "melody": _melody,
    "chords": _chords,
    "clicks": lambda rng: (rng.random(round(SECONDS * RATE_HZ)) < 5e-4) * rng.uniform(0.5, 1.0),
    "mains hum": _hum,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", choices=CORPORA, required=True, metavar="CORPUS", help="recordings of speech")
    add_recording_arguments(parser)
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help=f"folder to write (default: runs/{NAME})")
    options = parser.parse_args(argv)
    return run_job(lambda: run(options), parser)


def run(options: argparse.Namespace) -> int:
    """Counts, and writes and prints the page; returns the exit status."""
    out = options.output_dir or Path("runs", NAME)
    corpus, _, selection = read_recordings(CORPORA[options.dataset], options)
    path = out / f"{NAME}.json"
    rule = {
        "min_probability": speech_detector.MIN_PROBABILITY,
        "min_speech_seconds": speech_detector.MIN_SPEECH_SECONDS,
    }
    earlier = files.read_sealed_json(path, "delete it") if path.exists() else {"rule": rule, "speech": {}}
    speech = earlier["speech"] if earlier["rule"] == rule else {}  # counts by another rule are dropped
    waveforms = [audio.load_waveform(each.path, RATE_HZ) for each in selection.utterances]
    values = {
        "speech": {**speech, corpus.name: _found_in_speech(waveforms)},
        "other": _found_in_others(),
        "rule": rule,
    }
    files.make_folder(out)
    files.write_sealed_json(path, values)
    files.write_text(out / f"{NAME}.md", page(values))
    print(page(values))
    return 0


def _found_in_speech(waveforms: Sequence[np.ndarray]) -> dict[str, list[int]]:
    """Number of waveforms with speech and of all, by what was done to them."""
    rng = np.random.default_rng(0)
    changes: dict[str, Callable[[np.ndarray], np.ndarray]] = {"as recorded": lambda waveform: waveform}
    for seconds in SHORT_SECONDS:
        changes[f"the middle {seconds:g} s"] = lambda waveform, seconds=seconds: _middle(waveform, seconds)
    for ratio in NOISE_DB:
        changes[f"white noise at {ratio} dB"] = lambda waveform, ratio=ratio: (
            waveform + rng.standard_normal(len(waveform)) * np.std(waveform) * 10 ** (-ratio / 20)
        )
    found = {}
    with ProgressLine("detecting speech", "kinds") as line:
        for number, (name, change) in enumerate(changes.items(), start=1):
            found[name] = [_count([change(waveform) for waveform in waveforms]), len(waveforms)]
            line.update(number, len(changes))
    return found


def _middle(waveform: np.ndarray, seconds: float) -> np.ndarray:
    first = max(0, (len(waveform) - round(seconds * RATE_HZ)) // 2)
    return waveform[first : len(waveform) - first]


def _found_in_others() -> dict[str, list[int]]:
    rng = np.random.default_rng(0)
    return {name: [_count([sound(rng) for _ in range(EXAMPLES)]), EXAMPLES] for name, sound in OTHER_SOUNDS.items()}


def _count(waveforms: Sequence[np.ndarray]) -> int:
    return sum(speech_detector.has_speech(waveform, RATE_HZ) for waveform in waveforms)


def page(values: Mapping) -> str:
    """Returns the counts as Markdown."""
    rule = values["rule"]
    rows = [
        [corpus, name, f"{total - found} of {total}", "–"]
        for corpus, kinds in values["speech"].items()
        for name, (found, total) in kinds.items()
    ]
    rows += [[name, "synthetic", "–", f"{found} of {total}"] for name, (found, total) in values["other"].items()]
    caption = (
        f"Speech is found where the detector gives {rule['min_speech_seconds']:g} s or more of a recording a probability of "
        f"{rule['min_probability']:g} or more."
    )
    return f"# Speech detector\n\n{caption}\n\n{markdown(['sound', 'kind', 'misses', 'false alarms'], rows)}\n"


if __name__ == "__main__":
    sys.exit(main())
