"""A process of the service: `python -m clientage.serving NAME MODEL …` (see `clientage.serving.server`)."""

import sys

from clientage.errors import ClientageError
from clientage.serving.server import work

if __name__ == "__main__":
    try:
        work(sys.argv[1], sys.argv[2:])
    except ClientageError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
