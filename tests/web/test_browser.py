"""The pages in a real Chromium: sign in, see an alert come, review, change language."""

# ruff: noqa: RUF001 - Chinese text has full-width punctuation

import itertools
import re
import shutil
from urllib.parse import urlsplit

import pytest

from server.web import assets

playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright here")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZES = ((1440, 900), (1024, 768), (390, 844))
PAGES = ("/", "/records?state=all", "/cases", "/stations")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="browser tests left out: no Chromium"),
]


class Desk:
    """One officer's browser; it notes every complaint and every address."""

    def __init__(self, browser, house, size=(1440, 900)) -> None:
        self.house = house
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}
        )
        self.context.set_default_timeout(10_000)
        self.page = self.context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda one: self.hosts.add(urlsplit(one.url).hostname))

    def _note(self, message) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def open(self, path: str) -> None:
        self.page.goto(self.house.url + path)

    def sign_in(self, name: str, *roles: str, simulated: bool = False) -> None:
        password = self.house.account(name, *roles, simulated=simulated)
        self.open("/")
        self.page.fill("#name", name)
        self.page.fill("#password", password)
        self.page.press("#password", "Enter")
        self.page.wait_for_selector("#wall")

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def close(self) -> None:
        self.context.close()


@pytest.fixture(scope="module")
def browser():
    assets.install()
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=[*SWITCHES])
        yield opened
        opened.close()


@pytest.fixture
def desks(browser, house):
    """Give desks; in the end none has complained or asked another host."""
    opened: list[Desk] = []

    def open_desk(size=(1440, 900)) -> Desk:
        opened.append(Desk(browser, house, size))
        return opened[-1]

    yield open_desk
    for desk in opened:
        desk.page.wait_for_timeout(100)
    complaints = [text for desk in opened for text in desk.complaints]
    hosts = {host for desk in opened for host in desk.hosts if host}
    for desk in opened:
        desk.close()
    assert not complaints
    assert hosts <= {"127.0.0.1"}


def test_an_alert_appears_without_reload_and_its_photo_follows(
    house, desks, heavy, painter
):
    desk = desks()
    desk.sign_in("desk-officer", "alert_desk")
    desk.page.wait_for_selector("#live.on")
    photos = painter.photos(heavy)
    passage_id = house.roadside.passage(heavy, photos=photos, seal=False)
    card = desk.page.wait_for_selector(f"#pinned #card-{passage_id}", timeout=3_000)
    assert re.search(r"百吨王 120\.00 吨 超限 145\s%", card.inner_text())
    assert heavy.plate.text in card.inner_text()
    assert card.query_selector("svg[role=img]").get_attribute("aria-label") == "百吨王"
    assert card.query_selector("img") is None
    house.roadside.upload(*list(house.roadside.files)[-3:])
    image = desk.page.wait_for_selector(f"#card-{passage_id} img", timeout=8_000)
    desk.page.wait_for_function("image => image.naturalWidth > 0", arg=image)


def test_new_cards_wait_while_the_pointer_is_in_the_list(house, desks, truck):
    desk = desks()
    desk.sign_in("desk-officer", "alert_desk")
    desk.page.wait_for_selector("#live.on")
    first = house.roadside.passage(truck, seal=False)
    desk.page.wait_for_selector(f"#card-{first}")
    desk.page.hover(f"#card-{first}")
    before = desk.page.locator(f"#card-{first}").bounding_box()
    second = house.roadside.passage(truck, seal=False)
    desk.page.wait_for_selector("#held:not([hidden])")
    assert desk.page.query_selector(f"#card-{second}") is None
    assert "1" in desk.text("#held")
    moved = desk.page.locator(f"#card-{first}").bounding_box()
    assert (
        moved["y"] - before["y"]
        <= desk.page.locator("#held").bounding_box()["height"] + 12
    )
    desk.page.click("#held")
    desk.page.wait_for_selector(f"#card-{second}")


def test_what_passed_while_the_connection_was_broken_is_fetched_afterwards(
    house, desks, truck
):
    desk = desks()
    desk.sign_in("desk-officer", "alert_desk")
    desk.page.wait_for_selector("#live.on")
    desk.context.set_offline(True)
    desk.page.evaluate("window.dispatchEvent(new Event('pagehide'))")
    missed = [house.roadside.passage(truck, seal=False) for _ in range(2)]
    desk.context.set_offline(False)
    desk.page.evaluate(
        "window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
    )
    for passage_id in missed:
        desk.page.wait_for_selector(f"#card-{passage_id}", timeout=8_000)
    desk.complaints.clear()  # the browser says that it was offline


def test_three_officers_in_three_browsers_make_a_case_by_keyboard(
    house, desks, heavy, painter
):
    house.source.weighing(
        119_700.0, heavy.plate.text, at=house.now() - house.minutes(30)
    )
    passage_id = house.roadside.passage(heavy, photos=painter.photos(heavy))
    clerk = house.client("clerk", "auditor")
    record = house.record_of(clerk, passage_id)
    officers = (
        ("模拟初审", "reviewer"),
        ("模拟审核", "reviewer"),
        ("模拟判定", "decider"),
    )
    for number, (name, role) in enumerate(officers):
        desk = desks()
        desk.sign_in(name, role, simulated=True)
        desk.open(f"/records/{record}")
        assert desk.page.locator(".photos img").count() == 3
        if number == 1:
            assert "模拟初审" not in desk.text("#steps"), "the second review is blind"
        desk.page.keyboard.press("a")
        said = desk.page.wait_for_selector("#said")
        assert f"记录 {record}" in said.inner_text()
    watcher = desks()
    watcher.sign_in("clerk", "auditor")
    watcher.open("/cases")
    watcher.page.click(f"tr:has-text('{heavy.plate.text}') a")
    text = watcher.text("main")
    assert re.search(r"案件 路衡-\d{4}-\d{6}", text)
    assert "立案审批" in text
    for name, _ in officers:
        assert f"{name}（模拟）" in text
    assert "线索，不是证据" in text
    assert "119.70" in text
    assert "+0.30" in text
    assert watcher.page.locator(".strip.demo").is_visible()


def test_keys_move_choose_a_reason_reject_and_explain(house, desks, truck):
    passages = [house.roadside.passage(truck, seal=False) for _ in range(3)]
    clerk = house.client("clerk", "auditor")
    older, middle, newer = (house.record_of(clerk, one) for one in passages)
    desk = desks()
    desk.sign_in("模拟初审", "reviewer")
    keyboard = desk.page.keyboard
    desk.open(f"/records/{middle}")
    keyboard.press("j")
    desk.page.wait_for_url(f"**/records/{older}?*")
    keyboard.press("k")
    desk.page.wait_for_url(f"**/records/{middle}?*")
    keyboard.press("k")
    desk.page.wait_for_url(f"**/records/{newer}?*")
    keyboard.press("?")
    assert desk.page.locator("#help").is_visible()
    keyboard.press("a")
    keyboard.press("?")
    assert not desk.page.locator("#help").is_visible()
    assert clerk.get(f"/api/records/{newer}").json()["steps"] == []
    keyboard.press("r")
    assert desk.text("#reason-needed")
    keyboard.press("3")
    assert desk.page.is_checked("input[value=straddling]")
    desk.page.fill("#remark", "ar3")
    assert clerk.get(f"/api/records/{newer}").json()["steps"] == []
    keyboard.press("Escape")
    keyboard.press("r")
    desk.page.wait_for_url(f"**/records/{middle}?*")
    step = clerk.get(f"/api/records/{newer}").json()["steps"][0]
    assert (step["outcome"], step["reason"], step["remark"]) == (
        "reject",
        "straddling",
        "ar3",
    )


def test_a_step_that_somebody_else_took_is_said_and_not_lost(house, desks, truck):
    record = house.record_of(
        house.client("clerk", "auditor"), house.roadside.passage(truck, seal=False)
    )
    desk = desks()
    desk.sign_in("模拟初审", "reviewer")
    desk.open(f"/records/{record}")
    quicker = house.client("quicker", "reviewer")
    quicker.post(f"/api/records/{record}/first-review", json={"outcome": "pass"})
    desk.page.fill("#remark", "my remark")
    desk.page.click("#pass")
    assert desk.page.wait_for_selector("#refused").inner_text()
    assert "quicker" in desk.text("#steps")
    desk.complaints.clear()  # the browser reports the 409 of the page itself


def test_a_photo_opens_enlarges_and_closes(house, desks, truck, painter):
    passage_id = house.roadside.passage(truck, photos=painter.photos(truck))
    record = house.record_of(house.client("clerk", "auditor"), passage_id)
    desk = desks()
    desk.sign_in("clerk", "auditor")
    desk.open(f"/records/{record}")
    assert not desk.page.locator("#decision").count(), "an auditor only reads"
    desk.page.click(".photos a >> nth=0")
    image = desk.page.locator("#loupe img")
    narrow = image.bounding_box()["width"]
    image.click()
    assert image.bounding_box()["width"] > 1.5 * narrow
    desk.page.keyboard.press("Escape")
    assert not desk.page.locator("#loupe").is_visible()
    wheels = desk.page.locator(".diagram circle.wheel")
    assert wheels.count() == len(truck.axle_loads_kg)
    places = [float(one.get_attribute("cx")) for one in wheels.all()]
    drawn = [b - a for a, b in itertools.pairwise(places)]
    scale = [d / m for d, m in zip(drawn, truck.axle_spacings_m, strict=True)]
    assert max(scale) / min(scale) == pytest.approx(1.0, rel=0.02), "not to scale"


def test_the_language_switch_holds_on_every_page(desks):
    desk = desks()
    desk.open("/login")
    assert desk.page.get_attribute("html", "lang") == "zh-CN"
    desk.page.click("#language")
    assert desk.page.get_attribute("html", "lang") == "en"
    desk.sign_in("clerk", "auditor")
    for path in PAGES:
        desk.open(path)
        assert desk.page.get_attribute("html", "lang") == "en"
        assert desk.text("h1").isascii()
    desk.page.click("#language")
    assert not desk.text("h1").isascii()


def test_a_wrong_password_and_an_unknown_page_are_said_in_words(desks, house):
    desk = desks()
    house.account("clerk", "auditor")
    desk.open("/login")
    desk.page.fill("#name", "clerk")
    desk.page.fill("#password", "wrong")
    desk.page.press("#password", "Enter")
    assert "不正确" in desk.page.wait_for_selector("#refused").inner_text()
    assert desk.page.input_value("#name") == "clerk"
    desk.sign_in("clerk", "auditor")
    desk.open("/records/999999")
    assert "没有找到" in desk.text("main")
    desk.complaints.clear()  # the browser reports the 401 and the 404 themselves


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_no_page_is_wider_than_the_window_even_at_twice_the_size(
    house, desks, size, heavy, behind
):
    record = house.record_of(
        house.client("clerk", "auditor"),
        house.roadside.passage(heavy, seal=False, figures=behind(heavy)),
    )
    house.roadside.status()
    house.source.status(taking=False, reason="disk full: 1 MB free", depth=3)
    desk = desks(size)
    desk.sign_in("clerk", "auditor")
    for path in (*PAGES, f"/records/{record}"):
        for zoom in (1, 2) if size[0] > 1000 else (1,):
            desk.page.set_viewport_size(
                {"width": size[0] // zoom, "height": size[1] // zoom}
            )
            desk.open(path)
            wide = desk.page.evaluate(
                "document.documentElement.scrollWidth - window.innerWidth"
            )
            assert wide <= 0, f"{path} at {size[0] // zoom} px"


def test_stations_show_trouble_and_the_quarantine_can_be_looked_into(house, desks):
    house.roadside.status()
    house.source.status(taking=False, reason="disk full: 1 MB free", depth=3)
    house.take([("luheng/v1/DEMO-001/passage", b'{"lane": "<b>bold</b>"}')])
    desk = desks()
    desk.sign_in("clerk", "auditor")
    desk.open("/stations")
    source = desk.text("[data-station=SRC-001]")
    assert "停止采集：磁盘已满（1 MB free）" in source
    assert "在线" in desk.text("[data-station=DEMO-001]")
    row = desk.page.locator("#quarantine tbody tr", has_text="格式不符").first
    row.locator("summary").click()
    assert row.locator("pre").is_visible()
    assert "<b>" not in row.locator("pre").inner_html()


def drawn_at(page, selector):
    """Where something on the map is; one that is just drawn anew is nowhere."""
    for _ in range(50):
        box = page.locator(selector).bounding_box()
        if box is not None:
            return box
        page.wait_for_timeout(100)
    pytest.fail(f"{selector} is nowhere on the page")


def test_the_map_leads_to_a_stations_panel_by_mouse_and_by_keyboard(house, desks):
    house.roadside.status()
    house.source.status(taking=False, reason="disk full: 1 MB free", depth=3)
    desk = desks((1024, 768))
    desk.sign_in("clerk", "auditor")
    desk.open("/stations")
    mark = "#map .station:has-text('{}')".format
    roadside, source = mark("东山大桥检测点"), mark("西岭石料厂地磅")
    assert "正在采集" in desk.text(roadside)
    assert "停止采集" in desk.text(source)
    assert desk.page.locator(f"{roadside} svg circle.inner").count() == 1
    assert desk.page.locator(f"{source} svg path.inner").count() == 1
    assert desk.page.locator("#map .leaflet-tile").count() == 0
    assert desk.page.locator("#map path.graticule").count() > 4
    assert "km" in desk.text("#map .leaflet-control-scale")
    south = drawn_at(desk.page, f"{roadside} svg")
    north = drawn_at(desk.page, f"{source} svg")
    assert north["y"] < south["y"]
    assert north["x"] < south["x"]
    desk.page.click(f"{source} svg")
    assert desk.page.evaluate("document.querySelector(':target').id") == (
        "station-SRC-001"
    )
    desk.page.focus(roadside)
    desk.page.keyboard.press("Enter")
    assert desk.page.evaluate("document.querySelector(':target').id") == (
        "station-DEMO-001"
    )
    desk.page.evaluate("document.activeElement.blur()")
    house.source.status()
    desk.page.wait_for_selector(f"{source} b.taking")


def test_the_masses_of_the_last_hour_are_drawn_and_listed_live(
    house, desks, heavy, lawful
):
    desk = desks()
    desk.sign_in("desk-officer", "alert_desk")
    desk.page.wait_for_selector("#live.on")
    desk.page.click("#masses-table summary")
    house.roadside.passage(lawful, seal=False)
    passage_id = house.roadside.passage(heavy, trailer_plate="鲁H7A12挂", seal=False)
    row = f"#masses-rows tr:has-text('{heavy.plate.text}')"
    text = desk.page.wait_for_selector(row, timeout=6_000).inner_text()
    for word in ("鲁H7A12挂", "120.00", "百吨王"):
        assert word in text
    listed = desk.page.locator(f"#masses-rows tr:has-text('{lawful.plate.text}')")
    assert "未超限" in listed.inner_text()
    shapes = {
        desk.page.locator(f"{one} svg > *").first.evaluate("shape => shape.outerHTML")
        for one in (row, f"#masses-rows tr:has-text('{lawful.plate.text}')")
    }
    assert len(shapes) == 2, "the verdict has a shape as well as a colour"
    said = desk.page.get_attribute("#masses-chart", "aria-label")
    assert str(desk.page.locator("#masses-rows tr").count()) in said
    red = desk.page.evaluate(
        """() => {
          const canvas = document.querySelector("#masses-chart canvas");
          const seen = canvas.getContext("2d").getImageData(
            0, 0, canvas.width, canvas.height).data;
          let count = 0;
          for (let i = 0; i < seen.length; i += 4)
            if (seen[i] === 0x9b && seen[i + 1] === 0x1c) count++;
          return count;
        }"""
    )
    assert red > 100, "neither the line of 100 t nor the mark is drawn"
    desk.page.select_option("#masses-station", "DEMO-002")
    desk.page.wait_for_selector("#masses-rows tr", state="detached")
    assert desk.page.locator("#masses-none").is_visible()
    desk.page.select_option("#masses-station", "DEMO-001")
    record = house.record_of(house.client("clerk", "auditor"), passage_id)
    desk.page.click(f"{row} a")
    desk.page.wait_for_url(f"**/records/{record}")


def test_a_quarantined_message_is_opened_from_the_list(house, desks):
    house.take([("luheng/v1/DEMO-001/passage", b'{"lane": "<i>whole</i>"}')])
    desk = desks((390, 844))
    desk.sign_in("clerk", "auditor")
    desk.open("/stations")
    row = desk.page.locator("#quarantine tbody tr", has_text="<i>whole</i>")
    row.locator("summary").click()
    row.locator("a").click()
    assert desk.page.wait_for_selector("#payload").inner_text() == (
        '{"lane": "<i>whole</i>"}'
    )
    assert desk.page.evaluate(CONTRAST) == []
    assert desk.page.evaluate(
        "document.documentElement.scrollWidth <= window.innerWidth"
    )


def test_everything_can_be_reached_by_keyboard_and_the_focus_is_seen(desks):
    desk = desks()
    desk.sign_in("clerk", "auditor")
    desk.open("/stations")
    desk.page.keyboard.press("Tab")
    assert desk.page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(12):
        desk.page.keyboard.press("Tab")
        reached.add(desk.page.evaluate("document.activeElement.textContent.trim()"))
        unseen = desk.page.evaluate(
            "document.activeElement !== document.body"
            " && getComputedStyle(document.activeElement).outlineStyle === 'none'"
        )
        assert not unseen
    assert {"实时预警", "审核", "案件", "检测点", "English", "退出"} <= reached


CONTRAST = """
() => {
  const light = (c) => {
    const [r, g, b] = c.map((v) => v / 255).map(
      (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(one).backgroundColor);
      if (a > 0.5) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility() || element.closest("svg, .unseen")) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(parse(style.color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${element.textContent.trim()}`);
  }
  return faint;
}
"""


def test_every_text_has_the_contrast_of_wcag_aa(house, desks, heavy, behind):
    record = house.record_of(
        house.client("clerk", "auditor"),
        house.roadside.passage(heavy, seal=False, figures=behind(heavy)),
    )
    desk = desks()
    desk.open("/login")
    assert desk.page.evaluate(CONTRAST) == []
    desk.sign_in("模拟初审", "reviewer")
    for path in (*PAGES, f"/records/{record}"):
        desk.open(path)
        assert desk.page.evaluate(CONTRAST) == [], path
