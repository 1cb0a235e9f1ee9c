"""The pages of docs/ show real output: each block ```console is run on the inputs of its page and compared.

A block ```yaml whose first line is "# NAME" is a file of that name. In a console block a line "$ COMMAND" is a command, what follows it its
output. FAIRLEAD_DOCS_UPDATE=1 writes the output into the page instead of comparing.
"""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("FAIRLEAD_BINARY") or ROOT / "build/release/fairlead").resolve()
UPDATE = os.environ.get("FAIRLEAD_DOCS_UPDATE") == "1"
BLOCK = re.compile(r"^```(yaml|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(path for path in (ROOT / "docs").glob("*.md") if "```console" in path.read_text())


def run(command, folder):
    environment = dict(os.environ, PATH=f"{folder / 'bin'}:{os.environ['PATH']}")
    result = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return result.stdout + result.stderr


def shown(console, folder):
    """The block again, with what its commands print now."""
    lines = []
    for line in console.splitlines():
        if line.startswith("$ "):
            lines += [line, *run(line[2:], folder).splitlines()]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_page_shows_what_its_commands_print(page, tmp_path):
    def fill(match):
        kind, text = match.groups()
        if kind == "yaml":
            name = re.match(r"# (\S+\.yaml)\n", text)
            if name:
                (tmp_path / name.group(1)).write_text(text)
            return match.group(0)
        return f"```console\n{shown(text, tmp_path)}```"

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "fairlead").symlink_to(BINARY)
    text = page.read_text()
    filled = BLOCK.sub(fill, text)
    if UPDATE:
        page.write_text(filled)
    assert filled == page.read_text(), f"{page.name} is not what the program prints; FAIRLEAD_DOCS_UPDATE=1 writes it anew"
