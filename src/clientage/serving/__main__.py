"""A process of the service: `python -m clientage.serving NAME MODEL …` (see `clientage.serving.server`)."""

import sys

from clientage.errors import ClientageError
from clientage.serving.logs import say
from clientage.serving.server import BRING, work

if __name__ == "__main__":
    try:
        work(sys.argv[1], sys.argv[2:])
    except ClientageError as error:
        if sys.argv[1] == BRING:
            sys.stderr.write(f"error: {error}\n")
        else:
            say("failed", process=sys.argv[1], reason=str(error))
        sys.exit(1)
