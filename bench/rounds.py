"""Rounds: a few of each load, and then, for as long as there is time, one more of the load whose ratio is least sure."""
import subprocess
import time

import report
from loads import Failed


# Fewer give no interval.
SURE_ROUNDS = 2


class Load:
    """What is measured of some proxies, in turn. `take(name)` gives the figures of one of them in one round, by name; a line of the report is made of
    each of `figures`, which are (line, title, unit, name of the figure)."""

    def __init__(self, key, figures, names, take):
        self.key, self.figures, self.take = key, figures, take
        self.results = {name: [] for name in names}
        self.left_out = {}  # proxy: why
        self.count, self.seconds = 0, 0.0  # rounds so far; what the longest took

    def round(self):
        """Every other round is in reverse, so that who follows whom matters less."""
        start = time.monotonic()
        for name in sorted(self.results, key=list(self.results).index, reverse=self.count % 2 == 1):
            try:
                self.results[name].append(self.take(name))
            except (Failed, OSError, subprocess.CalledProcessError) as error:
                self.left_out[name] = str(error).strip()[-300:]
                print(f"  {name}: left out of {self.key}: {self.left_out[name]}", flush=True)
                del self.results[name]
        self.count += 1
        self.seconds = max(self.seconds, time.monotonic() - start)

    def lines(self):
        if not self.results.get("fairlead"):
            return []
        def of(figure):
            return {name: [{**figures, "cost": figures[figure]} for figures in rounds] for name, rounds in self.results.items()}
        return [report.Line(line, title, unit, of(figure)) for line, title, unit, figure in self.figures]

    def width(self):
        return max((line.width() for line in self.lines()), default=0)


def spend(loads, rounds, rounds_max, deadline):
    """Each load gets `rounds` (on a slow machine not all of them); what is left until `deadline` (of the monotonic clock) goes to those that are not sure enough, the widest first."""
    for load in loads:
        for number in range(rounds):
            if number < SURE_ROUNDS or time.monotonic() + load.seconds < deadline:
                load.round()
        for line in load.lines():
            print(line.text(), flush=True)
    while True:
        unsure = [load for load in loads
                  if load.count < rounds_max and load.width() > report.CLOSE_ENOUGH and time.monotonic() + load.seconds < deadline]
        if not unsure:
            return
        widest = max(unsure, key=Load.width)
        widest.round()
        for line in widest.lines():
            print(f"round {widest.count}: {line.text()}", flush=True)
