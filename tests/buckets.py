"""An emulator of Google Cloud Storage: how it is started."""

import sys

# answers go out in two parts, and without this the second waits 40 ms for the first one's receipt
CODE = """
import socketserver
from gcp_storage_emulator.__main__ import main
socketserver.StreamRequestHandler.disable_nagle_algorithm = True
main()
"""


def emulator(port, bucket):
    """The command of one in memory, on a port of this machine."""
    options = ["--host=127.0.0.1", f"--port={port}", f"--default-bucket={bucket}", "--in-memory"]
    return [sys.executable, "-c", CODE, "start", *options]
