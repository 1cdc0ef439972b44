"""A BigQuery that only streams: it keeps the ids of rows, and drops those sent again lately, as BigQuery does.

It takes little memory, so that a million rows can be sent to it; the emulator takes tens of gigabytes for them.
"""

import json
import threading
from collections import Counter, OrderedDict

from listeners import Listener


class Recorder(Listener):
    """A dataset with any table that is made in it.

    Attributes:
        remembered: How many ids it knows again; BigQuery does so for a minute or so.
        rows: How often each prediction is there.
    """

    def __init__(self, remembered):
        self.remembered, self.rows = remembered, Counter()
        self._tables, self._lately, self._lock = {}, OrderedDict(), threading.Lock()
        super().__init__(self._answered)

    def _answered(self, method, path, body, headers):
        with self._lock:
            status, found = self._answer(method, path.partition("?")[0], body)
        return status, {"Content-Type": "application/json"}, json.dumps(found).encode()

    def _answer(self, method, path, body):
        if path.endswith("/insertAll"):
            for row in json.loads(body)["rows"]:
                self._keep(row)
            return 200, {}
        if method == "POST":  # a table or a view
            made = json.loads(body)
            self._tables[made["tableReference"]["tableId"]] = made
            return 200, made
        name = path.rpartition("/")[2]
        if "/tables/" in path and name not in self._tables:
            return 404, {"error": {"code": 404, "message": "no", "errors": [{"reason": "notFound"}]}}
        return 200, self._tables.get(name, {"datasetReference": {"projectId": "p", "datasetId": name}})

    def _keep(self, row):
        if row["insertId"] not in self._lately:
            self.rows[row["json"]["prediction_id"]] += 1
        self._lately[row["insertId"]] = True
        self._lately.move_to_end(row["insertId"])
        while len(self._lately) > self.remembered:
            self._lately.popitem(last=False)
