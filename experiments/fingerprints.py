"""Measures how reliably fingerprints recognize a recording: false alarms among different recordings, misses among copies.

    python experiments/fingerprints.py --emodb EMODB --ravdess RAVDESS

Every pair of different recordings of a corpus should stay above the bound of `acrnn.records.shared_sounds`, and every altered
copy of a recording below it. The bound and the smallest number of frames are set between the two, with a margin on both sides.

Writes `fingerprints.md`. Expected: no false alarm in Emo-DB; one in RAVDESS, which holds that recording twice; no copy missed
that is soft, lossy, resampled, cut or mildly noisy. The committed file is of `--every 8`, two minutes on two cores.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from acrnn import audio, files
from acrnn.console import positive, run_job
from acrnn.records.shared_sounds import max_bit_error_rate, shared_between, shared_sounds
from acrnn.workers import pool
from data_prep.fingerprint import fingerprint
from experiments.alterations import MP3, SAMPLE_RATE_HZ, Alteration, clipped, coded, cut, louder, narrow, noisy

RESULTS = Path(__file__).parent / "results"
CORPORA = {"Emo-DB": "EMODB_ROOT", "RAVDESS": "RAVDESS_ROOT"}
FRAMES = (12, 16, 24, 32, 48, 64, 96, 128, 10000)  # edges of the rows of the table of different recordings


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for usage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for title, variable in CORPORA.items():
        option = f"--{title.lower().replace('-', '')}"
        parser.add_argument(option, type=Path, default=os.environ.get(variable), help=f"folder (or set {variable})")
    parser.add_argument("--jobs", type=positive, default=os.cpu_count(), help="worker processes (default: all cores)")
    parser.add_argument("--every", type=positive, default=1, help="alter every Nth recording only (default: all)")
    parser.add_argument(
        "--output", type=Path, default=RESULTS / "fingerprints" / "fingerprints.md", help="file to write"
    )
    options = parser.parse_args(arguments)
    return run_job(lambda: run(options), parser)


def run(options: argparse.Namespace) -> int:
    """Measures the corpora whose folders are known, and writes the tables."""
    parts = [_INTRODUCTION]
    for title in CORPORA:
        if folder := getattr(options, title.lower().replace("-", "")):
            parts.append(account(title, Path(folder), options.every, options.jobs))
    files.make_folder(options.output.parent)
    files.write_text(options.output, "\n".join(parts))
    print(f"{options.output}: written")
    return 0


_INTRODUCTION = """# Fingerprints: false alarms and misses

`python experiments/fingerprints.py` made this file. Two recordings are the same one if the bit error rate of their fingerprints
over n common frames is at most 0.25 − 0.42 / √n, and n is 12 at least.
"""


def account(title: str, folder: Path, every: int, jobs: int) -> str:
    """Returns the tables of a corpus as Markdown."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".wav", ".flac"))
    with pool(jobs) as executor:
        prints = list(executor.map(altered_fingerprints, paths, [place % every == 0 for place in range(len(paths))]))
    names = [path.stem for path in paths]
    originals = {name: each["the recording itself"] for name, each in zip(names, prints, strict=True)}
    return f"\n## {title}: {len(paths)} recordings\n\n{_false_alarms(originals)}\n{_misses(originals, names, prints)}"


def altered_fingerprints(path: Path, altered: bool) -> dict[str, np.ndarray]:
    """Returns the fingerprints of a recording and, if `altered`, of its altered copies, by the name of the alteration."""
    waveform = audio.load_waveform(path, SAMPLE_RATE_HZ)
    chosen = ALTERATIONS if altered else {}
    copies = {name: fingerprint(alter(waveform), SAMPLE_RATE_HZ) for name, alter in chosen.items()}
    return {"the recording itself": fingerprint(waveform, SAMPLE_RATE_HZ), **copies}


def _false_alarms(originals: dict[str, np.ndarray]) -> str:
    started = time.process_time()
    alarms = shared_sounds(originals)
    seconds = time.process_time() - started
    nearest = shared_sounds(originals, bound=np.ones_like)
    lines = [
        f"{len(originals) * (len(originals) - 1) // 2} pairs of recordings, {len(nearest)} of which were compared since they "
        f"have a frame in common; the search took {seconds:.1f} s. Below the bound: "
        + (", ".join(f"{pair.first} = {pair.second} ({pair.bit_error_rate:.3f})" for pair in alarms) or "none")
        + ". The others:",
        "",
        "| common frames | pairs | lowest bit error rate | bound |",
        "|---|---:|---:|---:|",
    ]
    others = [pair for pair in nearest if pair not in alarms]
    for low, high in itertools.pairwise(FRAMES):
        rates = [pair.bit_error_rate for pair in others if low <= pair.frames < high]
        bounds = f"{max_bit_error_rate(low):.3f} to {max_bit_error_rate(high - 1):.3f}"
        lowest = f"{min(rates):.3f}" if rates else "–"
        lines.append(f"| {low} to {high - 1} | {len(rates)} | {lowest} | {bounds} |")
    return "\n".join(lines) + "\n"


def _misses(originals: dict[str, np.ndarray], names: Sequence[str], prints: Sequence[dict[str, np.ndarray]]) -> str:
    lines = ["| copy | recordings | missed | median bit error rate | highest |", "|---|---:|---:|---:|---:|"]
    for alteration in ALTERATIONS:
        copies = {name: each[alteration] for name, each in zip(names, prints, strict=True) if alteration in each}
        found = {
            pair.first: pair.bit_error_rate for pair in shared_between(originals, copies) if pair.first == pair.second
        }
        rates = [*found.values()] or [float("nan")]
        lines.append(
            f"| {alteration} | {len(copies)} | {len(copies) - len(found)} | {np.median(rates):.3f} | {max(rates):.3f} |"
        )
    return "\n".join(lines) + "\n"


def _softer(waveform: np.ndarray) -> np.ndarray:
    return louder(waveform, -12)


_ALONE: dict[str, Alteration] = {
    "6 dB louder, clipped": clipped,
    "FLAC": coded("FLAC", "PCM_16"),
    "MP3, 64 kbit/s": MP3,
    "Ogg Vorbis": coded("OGG", "VORBIS"),
    "8 kHz and back": narrow,
    "noise at 20 dB": noisy,
    "0.3 s cut off the start": cut,
}
ALTERATIONS: dict[str, Alteration] = {
    "12 dB softer": _softer,
    **_ALONE,
    **{
        f"{name}, 12 dB softer": lambda waveform, alter=alter: _softer(alter(waveform))
        for name, alter in _ALONE.items()
    },
    "0.3 s cut, Ogg Vorbis, 12 dB softer": lambda waveform: _softer(_ALONE["Ogg Vorbis"](cut(waveform))),
    "0.3 s cut, noise at 20 dB, 12 dB softer": lambda waveform: _softer(noisy(cut(waveform))),
}


if __name__ == "__main__":
    sys.exit(main())
