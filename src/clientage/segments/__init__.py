"""Segments: the space customers are compared in, the model, its choice, its names and its worth."""
