"""The card of an exported model, the tables of export formats and of row errors, and the checksums of a model's files."""

from acrnn.model_card.card import CARD, CHOSEN, MAX_SECONDS, REMEDY, WORDS, Card
from acrnn.model_card.changes import DATA_FIELDS
from acrnn.model_card.formats import FORMATS, Format
from acrnn.model_card.row_errors import ROW_ERRORS

__all__ = ["CARD", "CHOSEN", "DATA_FIELDS", "FORMATS", "MAX_SECONDS", "REMEDY", "ROW_ERRORS", "WORDS", "Card", "Format"]
