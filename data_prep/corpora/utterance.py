"""An utterance of a corpus, as a reader returns it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Utterance:
    """One labeled recording: the unit of scoring.

    Attributes:
        id: name, unique within the corpus; records and results keep it.
        path: sound file.
        speaker: name of the speaker, unique across sessions ("03", "Ses01F").
        session: recording session; equal to the speaker if a corpus has no sessions.
        emotion: name of the emotion.
        text: transcript; None if the corpus has none.
        start_seconds, end_seconds: start and end of the utterance in the file; None for the start and end of the file.
        split: "train", "validation" or "test" if the corpus prescribes a split, else None.
        place: where the utterance is described, for messages ("my.csv, line 2"); "" for its path and id.
    """

    id: str
    path: Path
    speaker: str
    session: str
    emotion: str
    text: str | None = None
    start_seconds: float | None = None
    end_seconds: float | None = None
    split: str | None = None
    place: str = field(default="", compare=False)

    @property
    def described_at(self) -> str:
        """Place in words, for messages."""
        return self.place or f"{self.path} ({self.id})"
