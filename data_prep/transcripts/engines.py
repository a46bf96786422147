"""Speech recognizers that run on this machine, without an online service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from acrnn import files
from acrnn.errors import FieldError, missing_extra

SAMPLE_RATE_HZ = 16000


@dataclass(frozen=True)
class Engine:
    """A loaded speech recognizer.

    Attributes:
        description: name, version and model, which determine its transcripts.
        transcribe: mono waveform, float32 [samples] in [-1, 1] at 16 kHz → text.
    """

    description: str
    transcribe: Callable[[np.ndarray], str]


def pocketsphinx(asr_model: Path | None, asr_language: str) -> Engine:
    """Loads PocketSphinx: small, fast, works offline with its included English model, and has a high word error rate.

    Args:
        asr_model: folder of a model for another language, with an acoustic model (a folder with the file mdef), a language
            model (.lm.bin) and a dictionary (.dict); None for the included model.
        asr_language: language of the included model, "en".

    Raises:
        ImportError: the extra [pocketsphinx] is not installed.
        FieldError: the folder is not such a model, or no model is included for the language.
    """
    if asr_model is None and asr_language != "en":
        raise FieldError("asr_language", asr_language, "pocketsphinx includes English only; name a model in asr_model")
    parts = {} if asr_model is None else _sphinx_parts(asr_model)
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise missing_extra("pocketsphinx", "speech recognition by pocketsphinx", error) from error
    decoder = Decoder(samprate=SAMPLE_RATE_HZ, loglevel="FATAL", **parts)

    def transcribe(waveform: np.ndarray) -> str:
        decoder.start_utt()
        decoder.process_raw((np.clip(waveform, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        hypothesis = decoder.hyp()
        return "" if hypothesis is None else hypothesis.hypstr

    version = metadata.version("pocketsphinx")
    return Engine(f"pocketsphinx {version}, {_model_description(asr_model, 'en-us')}", transcribe)


def _sphinx_parts(folder: Path) -> dict[str, str]:
    """Returns the paths of acoustic model, language model and dictionary, by argument of the decoder."""
    patterns = {"hmm": "*/mdef", "lm": "*.lm.bin", "dict": "*.dict"}
    paths = {name: sorted(folder.glob(pattern)) for name, pattern in patterns.items()}
    for name, pattern in patterns.items():
        if len(paths[name]) != 1:
            raise FieldError("asr_model", folder, f"it has {len(paths[name])} of {pattern}; a model has one of each")
    return {"hmm": str(paths["hmm"][0].parent), "lm": str(paths["lm"][0]), "dict": str(paths["dict"][0])}


def faster_whisper(asr_model: Path | None, asr_language: str) -> Engine:
    """Loads Whisper by CTranslate2 from a local folder; nothing is downloaded.

    Args:
        asr_model: folder of a converted model (with model.bin).
        asr_language: language of the recordings, such as "en".

    Raises:
        ImportError: the extra [whisper] is not installed.
        FieldError: asr_model is missing, or is not such a folder.
    """
    if asr_model is None or not (asr_model / "model.bin").is_file():
        raise FieldError("asr_model", asr_model, "name the folder of a converted Whisper model, with its model.bin")
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise missing_extra("whisper", "speech recognition by faster-whisper", error) from error
    recognizer = WhisperModel(str(asr_model), device="auto", compute_type="default", local_files_only=True)

    def transcribe(waveform: np.ndarray) -> str:
        # without the previous text: it may be of another speaker and from another part of the split
        parts, _ = recognizer.transcribe(
            np.asarray(waveform, np.float32), language=asr_language, beam_size=5, condition_on_previous_text=False
        )
        return " ".join(part.text.strip() for part in parts)

    version = metadata.version("faster-whisper")
    return Engine(f"faster-whisper {version}, {_model_description(asr_model, '')}, {asr_language}", transcribe)


def _model_description(model: Path | None, included: str) -> str:
    """Returns the name of the folder and a digest of its files, which distinguishes fine-tuned models of equal size."""
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
