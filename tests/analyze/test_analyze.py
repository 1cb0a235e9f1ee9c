"""analyze, as its user sees it. Each folder here is a case: input*.yaml in, expected.txt is what `fairlead analyze` prints of it.

FAIRLEAD_BINARY is the program (default build/release/fairlead); FAIRLEAD_GOLDEN_UPDATE=1 writes the expected files instead of comparing.
"""
import json
import os
import pathlib
import subprocess

import pytest
import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BINARY = pathlib.Path(os.environ.get("FAIRLEAD_BINARY", ROOT / "build/release/fairlead")).resolve()
UPDATE = os.environ.get("FAIRLEAD_GOLDEN_UPDATE") == "1"
CASES = sorted({path.parent.name for path in HERE.glob("*/input*.yaml")})
SUPPORTED = {2, 101, 106, 108, 112, 118, 128, 129, 130, 131, 132, 133, 134, 138, 140, 145, 150, 161, 162, 165, 171, 173, 174, 176, 177}
SCENARIO = ROOT.parent / "shared/scenario"
EVERY = HERE / "every-message/input.yaml"

GATEWAY = """apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web%s}
spec:
  selector: {istio: ingressgateway}
  servers:
    - hosts: [shop.example.com]
      port: {number: 8888, name: http, protocol: HTTP}
"""


def analyze(*arguments, cwd=None, stdin=None):
    return subprocess.run([str(BINARY), "analyze", *map(str, arguments)], cwd=cwd, input=stdin, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("case", CASES)
def test_golden(case):
    folder = HERE / case
    inputs = sorted(path.name for path in folder.glob("input*.yaml"))
    result = analyze("-f", *inputs, cwd=folder)
    expected = folder / "expected.txt"
    if UPDATE:
        expected.write_text(result.stdout)
    assert result.stdout == expected.read_text(), result.stderr
    assert result.returncode == (79 if "Error [" in result.stdout else 0)


def test_every_message_is_there_at_the_line_that_names_it():
    """The comments of the input say where each message belongs."""
    messages = json.loads(analyze("-f", EVERY, "-o", "json").stdout)
    said = {(message["code"], int(message["reference"].rsplit(":", 1)[1])) for message in messages if message["code"].startswith("IST")}
    lines = EVERY.read_text().splitlines()
    document, wanted = 1, set()
    for number, line in enumerate(lines, 1):
        if line == "---":
            document = number + 1
        comment = line.partition(" # ")[2]
        for word in comment.replace(",", " ").split():
            if word.startswith("IST0"):
                # What has no place of its own is said of the document.
                wanted.add((word, document if line.startswith("metadata:") else number))
    assert said == wanted
    assert {int(code[3:]) for code, _ in said} == SUPPORTED


def test_no_message_on_the_examples():
    result = analyze("-f", ROOT / "examples/gateway")
    assert result.returncode == 0 and result.stdout == "\n"
    assert "\u2714 No validation issues found when analyzing" in result.stderr


@pytest.mark.skipif(not SCENARIO.is_dir(), reason="the scenario's own files are not here")
@pytest.mark.parametrize("stage", ["1", "2"])
def test_no_message_on_the_scenarios_own_files(stage):
    result = analyze("-f", *sorted(SCENARIO.glob(f"{stage}-*.yaml")))
    assert (result.returncode, result.stdout) == (0, "\n")


def test_formats_say_the_same():
    log = analyze("-f", EVERY)
    from_json = json.loads(analyze("-f", EVERY, "-o", "json").stdout)
    from_yaml = yaml.safe_load(analyze("-f", EVERY, "-o", "yaml").stdout)
    assert from_json == from_yaml and len(from_json) == len(log.stdout.splitlines())
    for message, line in zip(from_json, log.stdout.splitlines()):
        origin = f"{message['origin']} {message['reference']}" if "origin" in message else ""
        assert line.startswith(f"{message['level']} [{message['code']}]") and origin in line
        assert list(message) == sorted(message)


def test_exit_codes(tmp_path):
    warns, broken, errs = tmp_path / "warns.yaml", tmp_path / "broken.yaml", tmp_path / "errs.yaml"
    warns.write_text(GATEWAY % "")
    broken.write_text("a: [\n")
    errs.write_text((GATEWAY % "").replace("8888", "99999"))
    assert analyze("-f", warns).returncode == 0
    assert analyze("-f", warns, "--failure-threshold", "warning").returncode == 79
    assert analyze("-f", errs).returncode == 79
    assert analyze("-f", errs, "-o", "json").returncode == 0
    assert analyze("-f", errs, "--suppress", "IST0106=Gateway default/web").returncode == 0
    assert analyze("-f", warns, broken).returncode == 65
    assert analyze("-f", errs, broken).returncode == 79
    assert "broken.yaml" in analyze("-f", broken).stderr
    for mistake in (["-o", "xml"], ["--failure-threshold", "Fatal"], ["--suppress", "IST0101"], ["--nonsense"]):
        assert analyze("-f", warns, *mistake).returncode == 64


def test_namespaces(tmp_path):
    (tmp_path / "a.yaml").write_text(GATEWAY % "" + "---\n" + GATEWAY % "-there, namespace: there")
    def origins(*arguments):
        return sorted({message["origin"] for message in json.loads(analyze("-f", tmp_path, "-o", "json", *arguments).stdout) if message["code"] == "IST0162"})
    assert origins() == ["Gateway default/web", "Gateway there/web-there"]
    assert origins("--namespace", "here") == ["Gateway here/web"]
    assert origins("--namespace", "there") == ["Gateway there/web", "Gateway there/web-there"]
    assert origins("--namespace", "here", "-A") == ["Gateway here/web", "Gateway there/web-there"]


def test_standard_input_and_no_messages():
    result = analyze("-f", "-", "-o", "json", stdin="apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")
    assert (result.returncode, result.stdout) == (0, "[]\n")


def test_key_material_is_not_printed(tmp_path):
    text = EVERY.read_text().replace("this is no key", "A" * 64)
    (tmp_path / "all.yaml").write_text(text)
    for form in ("log", "json", "yaml"):
        result = analyze("-f", tmp_path, "-o", form)
        assert "A" * 64 not in result.stdout + result.stderr


def test_what_cannot_be_read_is_no_success(tmp_path):
    (tmp_path / "notes.yaml").write_text("just: notes\n")
    for path in ("notes.yaml", "nowhere.yaml"):
        result = analyze("-f", path, cwd=tmp_path)
        assert result.returncode == 65 and path in result.stderr and "No validation issues" not in result.stderr


def test_suppressions(tmp_path):
    (tmp_path / "errs.yaml").write_text((GATEWAY % "").replace("8888", "99999"))
    def codes(*arguments):
        return {message["code"] for message in json.loads(analyze("-f", tmp_path, "-o", "json", *arguments).stdout)}
    assert "IST0106" in codes()
    for resource, is_suppressed in (("Gateway default/web", True), ("*", True), ("Gateway *", True), ("*/web", True), ("Gateway d*t/w*b", True),
                                    ("Gateway default/we", False), ("Gateway default/web*x", False), ("VirtualService *", False), ("", False)):
        assert ("IST0106" not in codes("-S", f"IST0106={resource}")) == is_suppressed, resource
    unknown = analyze("-f", tmp_path, "--suppress", "IST9999=*")
    assert unknown.returncode == 79 and "IST9999: no message has this code" in unknown.stderr
    assert "no message has" not in analyze("-f", tmp_path, "--suppress", "FL0203=*", "-S", "IST0101=*").stderr


def test_messages_stand_by_kind_name_and_namespace(tmp_path):
    (tmp_path / "a.yaml").write_text("---\n".join(GATEWAY % f"{name}, namespace: {namespace}" for namespace, name in (("a", "-z"), ("b", "-y"), ("c", "-z"))))
    messages = [message for message in json.loads(analyze("-f", tmp_path, "-o", "json").stdout) if message["code"] == "IST0162"]
    assert [message["origin"] for message in messages] == ["Gateway b/web-y", "Gateway a/web-z", "Gateway c/web-z"]


def test_many_gateways_of_one_host(tmp_path):
    count = 400
    (tmp_path / "a.yaml").write_text("---\n".join(GATEWAY % f"-{number:04}" for number in range(count)))
    messages = [message for message in json.loads(analyze("-f", tmp_path, "-o", "json").stdout) if message["code"] == "IST0145"]
    assert len(messages) == count
    assert all("default/web-0001" in message["message"] or message["origin"].endswith("-0001") for message in messages)
    assert all(" more (workload selector istio=ingressgateway, port 8888, hosts shop.example.com)." in message["message"] for message in messages)


def test_a_code_without_end_does_not_crowd_out_the_others(tmp_path):
    text = (GATEWAY % "-%04d").replace("protocol: HTTP}", "protocol: HTTPS}\n      tls: {mode: SIMPLE, credentialName: shared}")
    (tmp_path / "a.yaml").write_text("---\n".join(text % number for number in range(120)))
    result = analyze("-f", tmp_path, "-o", "json")
    codes = [message["code"] for message in json.loads(result.stdout)]
    assert (codes.count("IST0138"), codes.count("IST0145")) == (10000, 120) and f"{120 * 119 - 10000} more messages are left out" in result.stderr


def test_more_than_is_kept_is_no_success(tmp_path):
    rules = "".join("---\n" + (GATEWAY % f"-{number:04}").replace("    - hosts", "    - host: x\n      hosts") for number in range(2100))
    (tmp_path / "a.yaml").write_text(rules)
    result = analyze("-f", tmp_path, "--suppress", "IST0145=*")
    assert result.returncode == 79 and "more messages are left out" in result.stderr


def test_names_that_are_no_ascii_are_not_cut_in_two(tmp_path):
    """79 bytes and the two of a letter; a control character of Unicode does not reach the terminal."""
    (tmp_path / "a.yaml").write_text((GATEWAY % "").replace("shop.example.com", "x." + "a" * 77 + "\u00e9" * 9).replace("protocol: HTTP", 'protocol: "\\x9b2J"'))
    run = subprocess.run([str(BINARY), "analyze", "-f", "a.yaml", "-o", "json"], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    texts = [message["message"] for message in json.loads(run.stdout.decode("utf-8"))]
    assert any("'x." + "a" * 77 + "' is no domain name" in text for text in texts), texts
    for arguments in (["analyze", "-f", "a.yaml"], ["check", "-f", "a.yaml"]):
        output = subprocess.run([str(BINARY), *arguments], cwd=tmp_path, capture_output=True, timeout=60, check=False).stdout.decode("utf-8")
        assert "\u009b" not in output and "'\\xC2\\x9B2J' is not known" in output
