#!/usr/bin/env python3
"""Writes third-party.txt: every library in the program with its licence and the texts that come with it.

    python3 assets/licences/collect.py

Run it in the repository's root after the dependencies have changed; it needs cargo and the sources that
cargo has fetched, nothing else. Texts that several libraries share stand there once.
"""

import hashlib
import json
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).parent
NAMES = re.compile(r"^(licen[cs]e|copying|copyright|notice|unlicense|ofl)", re.IGNORECASE)

FONTS = """Fonts

Inter, © The Inter Project Authors: SIL Open Font License 1.1
Noto Sans Arabic and Noto Sans Hebrew, © Google LLC: SIL Open Font License 1.1
Droid Sans Fallback, © Google Corp.: Apache License 2.0
"""


def linked_packages() -> list[dict]:
    """Packages that the program for this platform is linked from, without the workspace's own."""
    tree = subprocess.run(
        ["cargo", "tree", "--package", "glamm", "--edges", "normal", "--prefix", "none", "--format", "{p}"],
        check=True, capture_output=True, text=True,
    ).stdout
    linked = {tuple(line.split()[:2]) for line in tree.splitlines() if line.strip()}
    metadata = json.loads(subprocess.run(
        ["cargo", "metadata", "--format-version", "1"], check=True, capture_output=True, text=True,
    ).stdout)
    found = [p for p in metadata["packages"] if p["source"] and (p["name"], "v" + p["version"]) in linked]
    return sorted(found, key=lambda package: (package["name"], package["version"]))


def texts(package: dict) -> list[str]:
    """The licence texts that a package brings."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = sorted(path for path in folder.iterdir() if path.is_file() and NAMES.match(path.name))
    found = [path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n").strip() for path in files]
    return [text for text in found if text]


def key(text: str) -> str:
    """The same for texts that differ in white space alone."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


def main() -> None:
    packages = linked_packages()
    shared: dict[str, tuple[str, list[str]]] = {}
    lines = ["Libraries", ""]
    for package in packages:
        name = f"{package['name']} {package['version']}"
        licence = package["license"] or "see its text"
        lines.append(f"{name}: {licence}  {package['repository'] or ''}".rstrip())
        for text in texts(package):
            shared.setdefault(key(text), (text, []))[1].append(name)
    lines += ["", FONTS, "", "Texts"]
    for text, names in shared.values():
        lines += ["", "-" * 100, ", ".join(names), "-" * 100, "", text]
    for name in ["OFL.txt"]:
        lines += ["", "-" * 100, "Fonts under the SIL Open Font License", "-" * 100, ""]
        lines.append((HERE.parent / "fonts" / name).read_text(encoding="utf-8").strip())
    out = HERE / "third-party.txt"
    out.write_text("\n".join(line.rstrip() for line in "\n".join(lines).splitlines()) + "\n", encoding="utf-8")
    print(f"{out}: {len(packages)} libraries, {len(shared)} texts, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
