"""Sentence embeddings: unit vectors whose cosine says how alike two texts are."""
