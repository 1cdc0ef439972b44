"""Load on a service from `wrk`: requests of many bodies on connections that stay, and how they were answered."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 8

# wrk itself counts only 400 and more as errors, and ends well whatever it counts
SCRIPT = """
local threads = {}
function setup(thread) table.insert(threads, thread) end

function init(arguments)
  requests, place, wrong, first = {}, 0, 0, ""
  for body in io.lines(arguments[1]) do
    table.insert(requests, wrk.format("POST", nil, nil, body))
  end
end

function request()
  place = place % #requests + 1
  return requests[place]
end

function response(status, headers, body)
  if status < 200 or status > 299 then
    wrong = wrong + 1
    if first == "" then first = status .. " " .. body:sub(1, 200) end
  end
end

function done(summary, latency)
  local wrong, first = 0, ""
  for _, thread in ipairs(threads) do
    wrong, first = wrong + thread:get("wrong"), thread:get("first")
  end
  local errors = summary.errors
  local lost = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("\\n%s\\n%d %d %d %d %f %f\\n", first:gsub("[%c%s]", " "), summary.requests, wrong, lost,
                         summary.duration, latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Load:
    """What came of it.

    Attributes:
        requests: Answered.
        seconds: From the first to the last.
        p50: Half of the answers took at most so many seconds.
        p99: All but one of a hundred did.
    """

    requests: int
    seconds: float
    p50: float
    p99: float


def load(address: str, headers: Mapping[str, str], bodies: Path, seconds: int) -> Load:
    """Ask as fast as answers come.

    Args:
        address: Of the route, which takes POST.
        headers: Of every request.
        bodies: One a line, sent in turns.
        seconds: How long.

    Raises:
        RuntimeError: Not every request was answered with 2xx.
    """
    script = bodies.with_name("load.lua")
    script.write_text(SCRIPT, encoding="utf-8")
    options = [f"--connections={CONNECTIONS}", "--threads=1", f"--duration={seconds}s", "--timeout=10s", "--latency"]
    given = [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    command = ["wrk", *options, *given, "--script", str(script), address, "--", str(bodies)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise RuntimeError(f"wrk failed on {address}: {(done.stderr or done.stdout)[-2000:]}")
    return _read(done.stdout, address)


def _read(output: str, address: str) -> Load:
    """The figures that the script wrote last."""
    first, figures = output.rstrip("\n").split("\n")[-2:]
    requests, wrong, lost, duration, p50, p99 = map(float, figures.split())
    if wrong or lost or not requests:
        raise RuntimeError(
            f"{address}: of {requests:,.0f} requests {wrong:,.0f} were refused and {lost:,.0f} lost. The first: {first}"
        )
    return Load(int(requests), duration / 1e6, p50 / 1e6, p99 / 1e6)
