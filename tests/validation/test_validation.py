"""Every rule of Istio's admission that the program judges, in tables: the files *.cases of this folder.

A case is a line "=== NAME", then the spec of an object as YAML, or a whole object if it has a kind. Below a line of which something is
said stands a caret in the column that is meant, as a rule behind a '#':

    hosts: [a b]
    #       ^ error: 'a b' is no domain name

Nothing else may be said, so a case without carets is one that is right. The kind is that of the file's name; "HEAD" lines before the first
case are put before each spec. A text is a part of the message. What concerns other objects (what is missing) is not looked at.
"""
import collections
import os
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BINARY = pathlib.Path(os.environ.get("FAIRLEAD_BINARY", ROOT / "build/release/fairlead")).resolve()
KINDS = {"gateway": "Gateway", "virtual-service": "VirtualService", "destination-rule": "DestinationRule", "service-entry": "ServiceEntry",
         "workload-entry": "WorkloadEntry"}
EXPECTED = re.compile(r"^ *#? *\^ *(error|warning): (.*)$")
SAID = re.compile(r"^(\S+?):(\d+):(\d+): (error|warning): (.*) \[FL(\d+)\]$")
Said = collections.namedtuple("Said", "line column severity text")


def is_of_decoding(code):
    return 100 <= code < 200 or code == 306


class Case:
    def __init__(self, kind, name, lines):
        self.kind, self.name, self.expected, self.text = kind, name, [], []
        for line in lines:
            match = EXPECTED.match(line)
            if match:
                self.expected.append(Said(len(self.text), line.index("^") + 1, match.group(1), match.group(2)))
            else:
                self.text.append(line)

    def yaml(self):
        return "\n".join(self.text) + "\n"


def read_cases(path):
    kind = KINDS[path.stem]
    head = [f"apiVersion: networking.istio.io/v1", f"kind: {kind}", "metadata: {name: x, namespace: ns}", "spec:"]
    cases = []
    for part in re.split(r"^=== ", path.read_text(), flags=re.M)[1:]:
        name, _, body = part.partition("\n")
        lines = body.rstrip().split("\n")
        whole = any(line.startswith("kind:") for line in lines)
        cases.append(Case(kind, name, lines if whole else head + ["  " + line for line in lines]))
    return cases


ALL = [(path.stem, case) for path in sorted(HERE.glob("*.cases")) for case in read_cases(path)]


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What the program says of all cases, by the case's number."""
    folder = tmp_path_factory.mktemp("cases")
    result = collections.defaultdict(list)
    for number, (_, case) in enumerate(ALL):
        # One name an object, so that none replaces another; the columns stay.
        (folder / f"{number}.yaml").write_text(case.yaml())
    for number in range(len(ALL)):
        run = subprocess.run([str(BINARY), "check", "-f", f"{number}.yaml"], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        for line in run.stdout.splitlines():
            match = SAID.match(line)
            if match and is_of_decoding(int(match.group(6))):
                result[number].append(Said(int(match.group(2)), int(match.group(3)), match.group(4), match.group(5)))
    return result


@pytest.mark.parametrize("number", range(len(ALL)), ids=[f"{stem}: {case.name}" for stem, case in ALL])
def test_case(number, said):
    case = ALL[number][1]
    rest = list(said[number])
    for expected in case.expected:
        found = [item for item in rest if item[:3] == expected[:3] and expected.text in item.text]
        assert found, f"{expected} is not said, but {rest}\n{case.yaml()}"
        rest.remove(found[0])
    assert not rest, f"{rest} was not expected\n{case.yaml()}"


def said_of(tmp_path, spec):
    (tmp_path / "x.yaml").write_text("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec:\n" + spec)
    run = subprocess.run([str(BINARY), "check", "-f", "x.yaml"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    found = (SAID.match(line) for line in run.stdout.splitlines())
    return [(match.group(4), int(match.group(2)), int(match.group(3))) for match in found if match and is_of_decoding(int(match.group(6)))]


@pytest.mark.parametrize("size, severity", [(50_000, None), (200_000, "warning"), (1024 * 1024 + 1, "error")])
def test_bodies_of_direct_responses(tmp_path, size, severity):
    said = said_of(tmp_path, f"  hosts: [a.example.com]\n  gateways: [g]\n  http:\n  - directResponse:\n      status: 200\n      body:\n        string: {'a' * size}\n")
    assert said == ([(severity, 11, 17)] if severity else [])


@pytest.mark.parametrize("size, is_right", [(1024, True), (1025, False)])
def test_lengths_of_regular_expressions(tmp_path, size, is_right):
    said = said_of(tmp_path, f"  hosts: [a.example.com]\n  gateways: [g]\n  http:\n  - match: [{{uri: {{regex: {'a' * size}}}}}]\n    redirect: {{uri: /x}}\n")
    assert said == ([] if is_right else [("error", 8, 27)])


GATEWAY = """---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: g, namespace: ns}
spec:
  servers:
  - {hosts: ["*"], port: {number: 80, name: http, protocol: HTTP}}
  - {hosts: ["*"], port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}}
  - {hosts: ["*"], port: {number: 31400, name: tcp, protocol: TCP}}
"""


def served(folder, kind, text):
    """What a dump holds of the case: listeners of a Gateway, the routes of a VirtualService at one that takes every host."""
    (folder / "x.yaml").write_text(text + (GATEWAY if kind == "VirtualService" else ""))
    run = subprocess.run([str(BINARY), "dump", "-f", "x.yaml"], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    found = [line.strip() for line in run.stdout.splitlines() if line.startswith("listener" if kind == "Gateway" else ("  host ", "  chain PASSTHROUGH", "  chain TCP"))]
    return run.returncode, found


@pytest.mark.parametrize("kind", ["Gateway", "VirtualService"])
def test_what_is_refused_is_not_served(tmp_path, kind):
    counts = collections.Counter()
    for _, case in ALL:
        if case.kind != kind:
            continue
        refused = any(expected.severity == "error" for expected in case.expected)
        code, found = served(tmp_path, kind, case.yaml())
        assert code in (0, 1) and not (refused and found), f"{case.name}: {found}"
        counts[refused, bool(found)] += 1
    assert counts[True, False] > 10 and counts[False, True] > 2, counts
