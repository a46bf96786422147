"""A second corpus beside the tiny one: other speakers, other sounds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import soundfile
from support.tiny_corpus import tiny_sound, write_tiny_corpus

from acrnn import files
from data_prep.__main__ import main as data_prep_main


def write_other(folder: Path, renamed: Mapping[str, str] | None = None) -> Path:
    """Writes a corpus of the speakers other-0 to other-2; `renamed` maps emotions to other names."""
    corpus = write_tiny_corpus(folder, speakers=3)
    for number, path in enumerate(sorted(corpus.glob("*.wav"))):
        soundfile.write(path, tiny_sound(path.stem.split("_")[1], 0.8, 1000 + number), 16000)
    header, *lines = (corpus / "manifest.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines]
    rows = [
        (text, path, (renamed or {}).get(label, label), f"other-{speaker[1:]}") for text, path, label, speaker in rows
    ]
    (corpus / "manifest.csv").write_text("\n".join([header, *map(",".join, rows)]) + "\n")
    return corpus


def prepare(corpus: Path, out: Path, licence: str = "") -> Path:
    """Prepares the records of a corpus in a folder and returns it; the manifest gets a licence if one is given."""
    assert data_prep_main(["manifest", "--data-dir", str(corpus), "--out", str(out), "--jobs", "1"]) == 0
    if licence:
        manifest = files.read_sealed_json(out / "manifest.json", "")
        manifest["corpus"]["licence"] = licence
        files.write_sealed_json(out / "manifest.json", manifest)
    return out
