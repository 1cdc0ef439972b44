"""Our image as a container, wherever it runs."""

SERVED = ("serve", "--host", "0.0.0.0", "--insecure", "--set", "serve.requests_per_minute=0")  # noqa: S104 - in it
"""What it is told to serve."""

PORT = 8080
"""Where it then listens."""

WORKSPACE = {"CLIENTAGE_WORKSPACE": "/tmp/workspace"}  # noqa: S108 - its own
"""The variable that says where its workspace is."""

MODEL_DIR = "AIP_MODEL_DIR"
"""The variable that says where one that trains is to write its model."""
