"""p50 and p99 at a fixed rate: half of what the slowest proxy can do, the same for all."""
import os
import subprocess
import tempfile

import loads
import measure
import rounds

CLIENTS = 32


def latencies_us(port, rate, seconds):
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        subprocess.run(["taskset", "-c", measure.LOAD_CORE, "h2load", "-t1", "--h1", f"-c{CLIENTS}", f"-D{seconds}", f"--rps={rate / CLIENTS:.3f}",
                        f"--log-file={log}", f"https://localhost:{port}/"], stdout=subprocess.DEVNULL, check=True)
        with open(log, encoding="ascii") as file:
            rows = [line.split() for line in file]
    if not rows or any(row[1] != "200" for row in rows):
        raise loads.Failed("not every answer at the fixed rate was a 200")
    return [int(row[2]) for row in rows]


def load(options, bench, running):
    slowest = min(units / taken for units, taken in (loads.http1(bench, peer, 1) for peer in running.values()))
    rate = slowest / 2

    def take(name):
        values = latencies_us(running[name].setup.tls, rate, options.seconds)
        return {"median": float(measure.quantile(values, 0.5)), "worst": float(measure.quantile(values, 0.99))}

    title = f"HTTP/1.1 over TLS at {rate:.0f} requests a second"
    return rounds.Load("latency", [("latency", title + ", median", "us", "median"), ("latency", title + ", 99th of 100", "us", "worst")], running, take)
