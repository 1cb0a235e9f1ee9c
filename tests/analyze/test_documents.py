"""The documents name every code that the program has."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_every_diagnostic_is_documented():
    codes = {int(number) for number in re.findall(r"X\(DIAGNOSTIC_\w+, (\d+), ", (ROOT / "src/text/diagnostic_code.h").read_text())}
    page = (ROOT / "docs/diagnostics.md").read_text()
    entries = dict(re.findall(r"^### FL(\d{4})\n\n(.+)$", page, re.M))
    assert codes <= {int(number) for number in entries}
    assert list(entries) == sorted(entries)
    for number, text in entries.items():
        assert "Way out: " in text, f"FL{number} has no way out"


def test_every_message_is_documented():
    codes = {int(number) for number in re.findall(r"X\(MESSAGE_\w+, (\d+), ", (ROOT / "src/analysis/message_code.h").read_text())}
    page = (ROOT / "docs/analyze.md").read_text()
    assert {int(number) for number in re.findall(r"^\|.*?$", page, re.M) for number in re.findall(r"IST(\d{4})", number)} == codes
