"""Lists for other tools: who is on them, which of the customers fit, and the files."""
