"""Speech recognisers that run here, without a service: a name, and what makes a waveform's text of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from acrnn import files
from acrnn.errors import UsageError, missing_extra

SAMPLE_RATE_HZ = 16000


@dataclass(frozen=True)
class Engine:
    """A recogniser that is ready.

    Attributes:
        description: name, version and model: all that its answers depend on.
        transcribe: mono waveform float32 [samples] in [-1, 1] at 16 kHz → text.
    """

    description: str
    transcribe: Callable[[np.ndarray], str]


def pocketsphinx(model: Path | None, language: str) -> Engine:
    """PocketSphinx: small, quick, works offline with the English model that comes with it, and errs a lot.

    Args:
        model: folder with an acoustic model (a folder with the file mdef), a language model (.lm.bin) and a dictionary
            (.dict) of another language; None for the one that comes with it.
        language: of that one, "en".

    Raises:
        ImportError: the extra [pocketsphinx] is not installed.
        UsageError: the folder is no such model, or there is none for the language.
    """
    if model is None and language != "en":
        raise UsageError(f"--asr-language {language}: pocketsphinx brings English alone; name a model with --asr-model")
    parts = {} if model is None else _sphinx_parts(model)
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise missing_extra("pocketsphinx", "--asr pocketsphinx", error) from error
    decoder = Decoder(samprate=SAMPLE_RATE_HZ, loglevel="FATAL", **parts)

    def transcribe(waveform: np.ndarray) -> str:
        decoder.start_utt()
        decoder.process_raw((np.clip(waveform, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        said = decoder.hyp()
        return "" if said is None else said.hypstr

    return Engine(f"pocketsphinx {metadata.version('pocketsphinx')}, {_described(model, 'en-us')}", transcribe)


def _sphinx_parts(folder: Path) -> dict[str, str]:
    wanted = {"hmm": "*/mdef", "lm": "*.lm.bin", "dict": "*.dict"}
    found = {name: sorted(folder.glob(pattern)) for name, pattern in wanted.items()}
    for name, pattern in wanted.items():
        if len(found[name]) != 1:
            raise UsageError(f"--asr-model {folder}: {len(found[name])} of {pattern} in it; a model has one of each")
    return {"hmm": str(found["hmm"][0].parent), "lm": str(found["lm"][0]), "dict": str(found["dict"][0])}


def faster_whisper(model: Path | None, language: str) -> Engine:
    """Whisper by CTranslate2, from a folder that you have: nothing is fetched.

    Args:
        model: folder of a converted model (it holds model.bin).
        language: that is spoken, "en".

    Raises:
        ImportError: the extra [whisper] is not installed.
        UsageError: no folder is named, or it is no such model.
    """
    if model is None or not (model / "model.bin").is_file():
        raise UsageError(f"--asr-model {model}: name the folder of a converted Whisper model, with its model.bin")
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise missing_extra("whisper", "--asr faster-whisper", error) from error
    recogniser = WhisperModel(str(model), device="auto", compute_type="default", local_files_only=True)

    def transcribe(waveform: np.ndarray) -> str:
        # each utterance for itself: what was said before it may be of another speaker, and of another part of the split
        parts, _ = recogniser.transcribe(
            np.asarray(waveform, np.float32), language=language, beam_size=5, condition_on_previous_text=False
        )
        return " ".join(part.text.strip() for part in parts)

    version = metadata.version("faster-whisper")
    return Engine(f"faster-whisper {version}, {_described(model, '')}, {language}", transcribe)


def _described(model: Path | None, included: str) -> str:
    """A model by its folder's name and the content of all files: two fine-tunings of one are as large as each other."""
    if model is None:
        return f"included model {included}"
    contents = {
        path.relative_to(model).as_posix(): files.sha256_of_file(path) for path in model.rglob("*") if path.is_file()
    }
    return f"model {model.name} ({files.sha256_of_json(contents)[:12]})"


ENGINES: dict[str, Callable[[Path | None, str], Engine]] = {
    "pocketsphinx": pocketsphinx,
    "faster-whisper": faster_whisper,
}
