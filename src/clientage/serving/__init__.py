"""The service: a model behind HTTP, with every answered prediction kept."""
