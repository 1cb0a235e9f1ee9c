"""Reads Prometheus' text format, and insists on its rules."""
import re
import time
import urllib.request

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')


class Scrape:
    def __init__(self, text):
        self.types, self.helps, self.samples = {}, {}, {}
        family = None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                _, _, family, help_text = line.split(" ", 3)
                assert family not in self.helps, f"two families {family}"
                self.helps[family] = help_text
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name == family
                self.types[name] = kind
            else:
                name, labels, value = SAMPLE.match(line).groups()
                assert name in (family, f"{family}_bucket", f"{family}_sum", f"{family}_count"), f"{name} stands under {family}"
                pairs = LABEL.findall(labels or "")
                assert ",".join(f'{key}="{text}"' for key, text in pairs) == (labels or "")
                key = (name, frozenset(pairs))
                assert key not in self.samples, f"twice: {line}"
                self.samples[key] = float(value)

    def all(self, name, **labels):
        """[(labels, value)] of the series with at least these labels."""
        wanted = set(labels.items())
        return [(dict(pairs), value) for (series, pairs), value in self.samples.items() if series == name and wanted <= pairs]

    def sum(self, name, **labels):
        return sum(value for _, value in self.all(name, **labels))

    def names(self):
        """Of series, as a query would write them."""
        return {name for name, _ in self.samples} | {family for family, kind in self.types.items() if kind != "histogram"} | {
            family + suffix for family, kind in self.types.items() if kind == "histogram" for suffix in ("_bucket", "_sum", "_count")}


def scrape_text(port, path="/stats/prometheus"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        return answer.read().decode()


def scrape(port):
    return Scrape(scrape_text(port))


def wait_for(port, condition, patience_s=30, what="the metrics"):
    """The first scrape for which the condition holds: an answer may reach its client before it is counted."""
    end = time.monotonic() + patience_s
    while True:
        value = scrape(port)
        if condition(value):
            return value
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)
