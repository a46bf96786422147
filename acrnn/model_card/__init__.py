"""The card of an exported model, the table of export formats, and the checksums of a model's files."""

from acrnn.model_card.card import CARD, DATA_FIELDS, MAX_SECONDS, REMEDY, WORDS, Card
from acrnn.model_card.formats import FORMATS, Format

__all__ = ["CARD", "DATA_FIELDS", "FORMATS", "MAX_SECONDS", "REMEDY", "WORDS", "Card", "Format"]
