"""Transcripts by automatic speech recognition (ASR), and their word error rate."""
