"""Thin scripts: each says what differs, the library does the rest."""
