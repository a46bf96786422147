"""Trained networks as the start of another training: exported models, experiments and their .keras files."""
