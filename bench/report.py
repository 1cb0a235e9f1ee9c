"""What a run found: a line a load on the terminal, a Markdown table, JSON, and a chart."""
import datetime
import json
import math
import os
import platform
import statistics
import subprocess

import measure

# How far the 95 % interval of a ratio may reach from its median, either way.
CLOSE_ENOUGH = 0.03
# Ratio of Fairlead to the best peer, or a ceiling of the figure itself.
GOALS = {
    "http1": ("ratio", 0.85), "http2": ("ratio", 0.85), "handshake": ("ratio", 0.78), "resumed": ("ratio", 0.85), "down-1m": ("ratio", 0.85),
    "passthrough": ("ratio", 0.92), "passthrough-new": ("ratio", 0.92), "passthrough-1m": ("ratio", 0.95), "idle-tls": ("ratio", 0.70),
    "memory": ("figure", 8), "certificates-2000": ("figure", 0.1), "certificates-10000": ("figure", 0.5), "reload-5000": ("figure", 10),
    "log-itself": ("ratio", 1.10),
}


def costs(rounds):
    return [figures["cost"] for figures in rounds]


def best_peer(results):
    others = {name: statistics.median(costs(rounds)) for name, rounds in results.items() if name != "fairlead"}
    return min(others, key=others.get) if others else None


def ratios(results):
    """Round by round, to the best peer."""
    best = best_peer(results)
    if best is None or "fairlead" not in results:
        return []
    return [ours / theirs for ours, theirs in zip(costs(results["fairlead"]), costs(results[best])) if theirs > 0]


class Line:
    def __init__(self, key, title, unit, results):
        self.key, self.title, self.unit, self.results = key, title, unit, results
        self.best = best_peer(results)
        self.ratio = measure.interval(ratios(results)) if self.best else None

    def width(self):
        """How far the interval reaches, the further way; 0 when there is nothing to compare with."""
        if self.ratio is None:
            return 0
        if len(self.results["fairlead"]) < 2:
            return math.inf
        low, middle, high = self.ratio
        return max(high / middle - 1, 1 - low / middle)

    def figure(self, name):
        rounds = costs(self.results[name])
        return f"{statistics.median(rounds):.4g} ({min(rounds):.4g} to {max(rounds):.4g})"

    def verdict(self):
        """Whether the goal is met: the whole interval lies below it. One round has none."""
        kind, goal = GOALS.get(self.key, (None, None))
        if kind is None or (kind == "ratio" and self.ratio is None):
            return ""
        if len(self.results["fairlead"]) < 2:
            return f"{goal:g}: open"
        low, _, high = self.ratio if kind == "ratio" else measure.interval(costs(self.results["fairlead"]))
        return f"{goal:g}: " + ("met" if high < goal else "not met" if low > goal else "open")

    def ratio_text(self):
        return "" if self.ratio is None else f"{self.ratio[1]:.3f} ({self.ratio[0]:.3f} to {self.ratio[2]:.3f}) to {self.best}"

    def text(self):
        parts = [f"{name} {self.figure(name)}" for name in self.results]
        return f"{self.title}, {self.unit}: " + ", ".join(parts) + f"; ratio {self.ratio_text()} {self.verdict()}"


def version_of(*command):
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "not installed"
    return (answer.stdout + answer.stderr).strip().split("\n", maxsplit=1)[0]


def remarks(table, left_out):
    """What a reader of the table must know besides."""
    rows = []
    unsure = [f"{line.title} ({line.width() * 100:.1f} %, {len(line.results['fairlead'])} round(s))" for line in table if line.width() > CLOSE_ENOUGH]
    if unsure:
        rows.append(f"The interval is not within {CLOSE_ENOUGH * 100:.0f} % of the ratio when the rounds or the time were spent: {'; '.join(unsure)}.")
    for load, name, why in left_out:
        rows.append(f"{name} is left out of {load}: {' '.join(why.split())}")
    return "".join(f"\n{row}\n" for row in rows)


def markdown(table, options):
    names = [name for name in ["fairlead"] + options.peers if any(name in line.results for line in table)]
    rows = ["| load | unit | " + " | ".join(names) + " | ratio to the best peer (95 % interval) | goal | rounds |", "|---" * (len(names) + 5) + "|"]
    for line in table:
        cells = [line.figure(name) if name in line.results else "" for name in names]
        rows.append(f"| {line.title} | {line.unit} | " + " | ".join(cells)
                    + f" | {line.ratio_text()} | {line.verdict()} | {len(line.results['fairlead'])} |")
        rates = {name: statistics.median(figures["rate"] for figures in rounds) for name, rounds in line.results.items() if "rate" in rounds[0]}
        memory = {name: statistics.median(figures["memory_mib"] for figures in rounds) for name, rounds in line.results.items() if "memory_mib" in rounds[0]}
        for word, values, form in (("a second", rates, "{:.0f}"), ("MiB", memory, "{:.1f}")):
            if values:
                rows.append(f"| | {word} | " + " | ".join(form.format(values[name]) if name in values else "" for name in names) + " | | | |")
    return "\n".join(rows) + "\n"


def chart(table):
    """Bars of each proxy's cost beside the best peer's, which is 1."""
    width, bar, left = 900, 14, 330
    rows, y = [], 30
    for line in table:
        if line.best is None:
            continue
        unit = statistics.median(costs(line.results[line.best]))
        rows.append(f'<text x="10" y="{y + 11}" font-weight="bold">{line.title}</text>')
        for name in line.results:
            share = statistics.median(costs(line.results[name])) / unit
            length = min(share, 4) / 4 * (width - left - 90)
            colour = "#1d6fb8" if name == "fairlead" else "#b9bec5"
            rows.append(f'<text x="{left - 8}" y="{y + 11}" text-anchor="end">{name}</text>'
                        f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar - 3}" fill="{colour}"/>'
                        f'<text x="{left + length + 5:.1f}" y="{y + 11}">{share:.2f}</text>')
            y += bar
        y += 10
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + 10}" font-family="sans-serif" font-size="11">'
            f'<rect width="100%" height="100%" fill="white"/><text x="10" y="18">Cost of a unit of work; the best peer is 1, less is better; bars end at 4</text>'
            + "".join(rows) + "</svg>\n")


def write(folder, table, left_out, options):
    """`left_out`: (load, proxy, why)."""
    os.makedirs(folder, exist_ok=True)
    versions = {"fairlead": version_of(options.binary, "version"), "before": version_of(options.before or options.binary, "version"),
                "haproxy": version_of("/usr/sbin/haproxy", "-v"), "nginx": version_of("/usr/sbin/nginx", "-v"),
                "nghttpx": version_of("/usr/sbin/nghttpx", "--version"), "h2o": version_of("/usr/bin/h2o", "--version")}
    head = (f"Measured on {datetime.date.today()}, Linux {platform.release()}, {os.cpu_count()} processors; "
            + "; ".join(versions[name] for name in versions if name == "fairlead" or name in options.peers) + ".\n\n")
    for name, text in (("results.md", head + markdown(table, options) + remarks(table, left_out)), ("results.svg", chart(table)),
                       ("results.json", json.dumps({"versions": versions, "loads": [
                           {"load": line.key, "title": line.title, "unit": line.unit, "rounds": line.results, "best_peer": line.best,
                            "ratio": line.ratio, "goal": line.verdict()} for line in table],
                           "left_out": [{"load": load, "peer": name, "why": why} for load, name, why in left_out]}, indent=1) + "\n")):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    print(f"\n{markdown(table, options)}{remarks(table, left_out)}\nwritten: {folder}/results.md, results.json, results.svg")
