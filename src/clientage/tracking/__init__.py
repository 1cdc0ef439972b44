"""Experiments and the registry of models, kept by MLflow."""
