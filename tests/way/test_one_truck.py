"""One truck, all the way: from a serial line to a case in a real browser.

Every part is real: the programs run as processes, meet on pseudo-terminals, HTTP, MQTT
and PostgreSQL, and the page is looked at with Chromium. Only the truck is simulated,
and only this test reads its truth.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000
PHOTO = "img[src*='/evidence/']"


class RunningDemo:
    """A demo in a process of its own, and what it printed."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "simulators", "demo", "--data-dir", folder]
        self.process = subprocess.Popen(
            [*command, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.said: list[str] = []
        self.page, self.password = self._sign()

    def _sign(self) -> tuple[str, str]:
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if found := re.match(r"page: (\S+)\s+sign in as admin with (\S+)", line):
                return found[1], found[2]
        self.stop()
        pytest.fail(
            "the demo ended before its page was there:\n" + "\n".join(self.said)
        )

    def stop(self) -> int:
        """Press Ctrl-C; return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=60)
        self.said += rest.splitlines()
        return self.process.returncode


def processes_below(folder: Path) -> list[str]:
    """Return the command lines of processes that name or stand in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            where = str((entry / "cwd").readlink())
        except OSError:
            continue
        if str(folder) in command or where.startswith(str(folder)):
            found.append(command or where)
    return found


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A data folder that a database's service account may enter."""
    with tempfile.TemporaryDirectory(prefix="luheng-way-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "demo"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium, and none may be installed here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def sign_in(browser: Browser, demo: RunningDemo) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    page.goto(demo.page)
    page.fill("input[name=name]", "admin")
    page.fill("input[name=password]", demo.password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(demo.page)
    return page


def truth_of(folder: Path) -> list[dict]:
    """Return the vehicles that crossed, as the simulator made them."""
    lines = (folder / "simulator" / "ledger.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [row | row["truth"] for row in rows if row["event"] == "crossed"]


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_a_hundred_tonner_walks_from_the_strips_to_a_case_on_the_page(folder, browser):
    demo = RunningDemo(folder, "--vehicles", "4", "--speed", "2")
    try:
        page = sign_in(browser, demo)
        alert = page.get_by_text(re.compile(r"百吨王 \d+\.\d\d 吨")).first
        expect(alert).to_be_visible(timeout=90_000)

        truth = max(truth_of(folder), key=lambda row: row["gross_mass_kg"])
        assert truth["gross_mass_kg"] >= 100_000
        assert len(truth["axle_loads_kg"]) == 6

        # its record, decided by the three simulated officers, leads to its case
        deadline = time.monotonic() + 90
        while True:
            records = page.request.get(f"{demo.page}api/records?state=filed").json()
            heavy = [r for r in records if r["passage"]["hundred_tonne"]]
            if heavy:
                break
            assert time.monotonic() < deadline, "the record was not filed"
            time.sleep(0.5)
        [record] = heavy
        measured = record["passage"]["gross_mass_kg"]
        assert measured == pytest.approx(truth["gross_mass_kg"], rel=0.06)
        assert record["passage"]["axle_count"] == 6
        assert record["passage"]["plate"] == truth["plate"]

        page.goto(f"{demo.page}cases/{record['case_id']}")
        body = page.locator("body")
        expect(body).to_contain_text(truth["plate"])
        expect(body).to_contain_text(f"{measured / 1000:.2f}")
        expect(body).to_contain_text("49.00")
        expect(body).to_contain_text("模拟")
        expect(body).to_contain_text("不是证据")
        photos = page.locator(PHOTO)
        expect(photos).to_have_count(3)
        for index in range(3):
            page.wait_for_function(
                "([photo, i]) => {"
                "  const one = document.querySelectorAll(photo)[i];"
                "  return one.complete && one.naturalWidth > 600 }",
                arg=[PHOTO, index],
            )
        case = page.request.get(f"{demo.page}api/cases/{record['case_id']}").json()
        people = {step["account_name"] for step in case["record"]["steps"]}
        assert len(people) == 3
        page.close()
    finally:
        code = demo.stop()
    assert code == 0, "\n".join(demo.said)
    assert processes_below(folder) == []


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_a_second_start_finds_the_earlier_case_and_a_kill_leaves_nothing(
    folder, browser
):
    demo = RunningDemo(folder, "--vehicles", "0")
    try:
        page = sign_in(browser, demo)
        cases = page.request.get(f"{demo.page}api/cases").json()
        assert len(cases) >= 1
        page.goto(f"{demo.page}cases/{cases[0]['case_id']}?lang=en")
        expect(page.locator("body")).to_contain_text("never proof")
        page.close()
    finally:
        demo.process.kill()
        demo.process.communicate(timeout=30)
    deadline = time.monotonic() + 30
    while left := processes_below(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


@pytest.mark.timeout(300)
def test_the_demo_ends_by_itself_with_a_summary_for_machines(folder):
    command = [sys.executable, "-m", "simulators", "demo", "--data-dir", folder]
    done = subprocess.run(
        [*command, "--vehicles", "6", "--speed", "4", "--exit", "--json"],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    summary = json.loads(done.stdout)
    assert summary["failures"] == []
    assert summary["vehicles"] == summary["passages"] == 6
    assert summary["records"] >= summary["cases"] >= 1
    assert summary["overloaded"] >= summary["hundred_tonne"] >= 1
    for name in ("axle_to_row_s", "axle_to_page_s"):
        assert 0 < summary[name]["p50"] <= summary[name]["p95"]
    assert processes_below(folder) == []
