"""The request section of `fairlead diff A B` is empty exactly if no generated request is answered differently: what it shows is checked by the
naive matcher, and where it shows nothing a hundred random requests find nothing either."""
import json
import os
import subprocess

import pytest
from support.gateway import BINARY

from . import generate, naive, world
from .test_property import SEED, draws

REQUESTS_EACH = 100


def seen_by_a_client(config, request):
    """What of an answer is behaviour: neither names of matches nor the log's flags of a closed connection."""
    value = naive.answer(config, request)
    if value["outcome"] == "closed":
        return "closed"
    if value.get("route"):
        value["route"] = value["route"].split(".")[0]
    return value


def from_json(line):
    """The other way round of generate.as_json."""
    scheme, _, rest = line["url"].partition("://")
    authority, slash, path = rest.partition("/")
    value = {"scheme": scheme, "port": line["port"], "authority": authority, "path": slash + path, "method": line.get("method", "GET"),
             "headers": [tuple(part.strip() for part in header.split(":", 1)) for header in line.get("headers", ())]}
    if "sni" in line:
        value["sni"] = line["sni"]
    return value


def diff(folder, before, after):
    paths = []
    for name, config in (("before", before), ("after", after)):
        paths.append(folder / f"{name}.yaml")
        paths[-1].write_text(world.as_yaml(config, world.PLACEHOLDER))
    result = subprocess.run([BINARY, "diff", *map(str, paths), "-o", "json"], capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode in (0, 1), result.stderr
    report = json.loads(result.stdout)
    assert (result.returncode == 1) == any(report[key] for key in ("names", "requests", "certificates", "upstreams"))
    return report


def check(folder, numbers):
    counts = {"same": 0, "different": 0, "requests": 0}
    for number in numbers:
        draw = draws(f"diff {number}")
        before = generate.configuration(draw, world.PORTS)
        after = generate.changed(draw, before)
        report = diff(folder, before, after)
        where = f"seed {SEED}, pair {number}, in {folder}: "
        for item in report["requests"]:
            request = from_json(item["request"])
            assert seen_by_a_client(before, request) != seen_by_a_client(after, request), where + f"{item} is answered the same"
        counts["requests"] += len(report["requests"])
        counts["different" if report["requests"] else "same"] += 1
        if report["requests"]:
            continue
        for _ in range(REQUESTS_EACH):
            request = generate.request(draw, draw.choice([before, after]))
            old, new = seen_by_a_client(before, request), seen_by_a_client(after, request)
            assert old == new, where + f"nothing was found, but {json.dumps(generate.as_json(request))} differs: {old} -> {new}"
    print(f"seed {SEED}: {counts}")
    return counts


def test_diff_shows_a_request_exactly_if_one_is_answered_differently(tmp_path):
    counts = check(tmp_path, range(int(os.environ.get("FAIRLEAD_PROPERTY_PAIRS") or 25)))
    assert counts["same"] > 0 and counts["different"] > 0


@pytest.mark.deep
def test_diff_of_many_pairs(tmp_path):
    counts = check(tmp_path, range(10000, 10600))
    assert counts["same"] > 50 and counts["different"] > 50
