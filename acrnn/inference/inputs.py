"""Inputs of a recognizer: sounds, auxiliary inputs and speaker profiles, checked against the model's card."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from acrnn import audio
from acrnn.errors import FieldError
from acrnn.inference.runtimes import AuxiliaryInputs
from acrnn.inference.speaker_profile import SpeakerProfile
from acrnn.model_card import Card

File = str | Path | audio.Content
Source = File | audio.Part | np.ndarray


def name_of(source: Source) -> str:
    """Returns the name of a sound in messages: the path of a file, with the times of a part, or "array"."""
    return "array" if isinstance(source, np.ndarray) else str(source)


def checked_rate(sample_rate_hz: int | None) -> int:
    """Returns the sampling rate of an array; refuses none, and those that are not above 0."""
    if sample_rate_hz is None:
        raise ValueError("an array has no sampling rate of its own; pass sample_rate_hz")
    if sample_rate_hz <= 0:
        raise FieldError("sample_rate_hz", sample_rate_hz, "it must be above 0")
    return sample_rate_hz


def checked(card: Card, name: str, values: AuxiliaryInputs, speaker: SpeakerProfile | None) -> AuxiliaryInputs:
    """Returns the inputs of a model that go with a sound.

    Args:
        card: card of the model.
        name: name of the sound in messages.
        values: auxiliary inputs; those that are None are not given.
        speaker: profile of the speaker, if there is one.

    Raises:
        ValueError: an auxiliary input is missing, superfluous, of another size or not finite; see also `of_speaker`.
    """
    given = {key: value for key, value in values.items() if value is not None}
    for key in given.keys() - set(card.auxiliary_inputs):
        raise ValueError(f"{name}: {_title(key)} is given, and the model does not take it; leave it out")
    for key in card.auxiliary_inputs:
        if key not in given:
            raise ValueError(f"{name}: the model takes {_title(key)} too; pass {key}=…")
    size = np.shape(given.get("speaker_embedding", np.zeros(card.speaker_embedding_size)))
    if size != (card.speaker_embedding_size,):
        raise ValueError(
            f"{name}: a speaker embedding of shape {size}; the model takes {card.speaker_embedding_size} values"
        )
    if not np.isfinite(given.get("speaker_embedding", 0.0)).all():
        raise ValueError(f"{name}: the speaker embedding has values that are NaN or infinite")
    return {**given, **of_speaker(card, name, speaker)} if speaker else given


def of_speaker(card: Card, name: str, speaker: SpeakerProfile) -> AuxiliaryInputs:
    """Returns the inputs of a model for a speaker profile.

    Raises:
        ValueError: the model takes no profiles, or the profile was made with another model.
    """
    check_takes_speaker(card)
    if speaker.model != card.identity:
        raise ValueError(
            f"{name}: the speaker profile was made with another model than {card.name}; enroll the speaker with this one"
        )
    return speaker.inputs(card)


def check_takes_speaker(card: Card) -> None:
    """Raises a ValueError if a model takes no speaker profiles."""
    if not card.takes_speaker:
        raise ValueError(f"{card.name}: the model takes no speaker profiles; choose another, or export it again")


def _title(auxiliary_input: str) -> str:
    return auxiliary_input.replace("_", " ")
