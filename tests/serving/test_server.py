"""The server for real: processes that are killed, models that move, keys, and an end in order."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from itertools import count

import pytest
from serving_clients import Load  # noqa: F401
