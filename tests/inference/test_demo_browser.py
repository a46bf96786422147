"""The demo page in a browser, on a phone and on a desk; the browser loads nothing from elsewhere."""

import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def browser():
    """A headless Chromium, driven by playwright."""
    if not (chromium := shutil.which("chromium")):
        pytest.skip("no chromium on PATH: the page is not tried in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def tab(browser):
    """A tab that can load from this machine only, and the other addresses that it requested."""
    opened, elsewhere = browser.new_page(), []
    opened.set_default_timeout(120_000)  # a loaded machine is slow

    def gate(route):
        if urlsplit(route.request.url).hostname in ("127.0.0.1", "localhost"):
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    opened.route(re.compile("^(https?|wss?):"), gate)
    return opened, elsewhere


PHONE, DESK = {"width": 390, "height": 800}, {"width": 1280, "height": 900}


def opened_page(page, address):
    page.goto(address)
    page.get_by_role("button", name="Recognize").wait_for()


def submit(page, address, paths):
    """Opens the page, uploads files and presses the button."""
    opened_page(page, address)
    page.set_input_files("input[type=file]", paths)
    page.get_by_label(Path(paths[-1]).name).wait_for()
    page.get_by_role("button", name="Recognize").click()


def overflow(page):
    """Width by which the page is too wide for the window, in pixels."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def top(locator):
    return locator.bounding_box()["y"]


@pytest.mark.parametrize("window", [PHONE, DESK], ids=["phone", "desk"])
def test_in_a_browser_nothing_is_wider_than_the_window(served, tab, sounds, tmp_path, window):
    page, _ = tab
    page.set_viewport_size(window)
    opened_page(page, served)
    assert overflow(page) == 0
    bad = tmp_path / f"{'a_long_name_without_spaces_' * 5}.wav"
    bad.touch()
    submit(page, served, [*sounds, str(bad)])
    page.locator("#answer figure img").nth(1).wait_for()
    page.locator("#answer td.error").wait_for()
    page.get_by_text("About this model").click()
    page.get_by_text("not calibrated: 90 %").wait_for()
    assert overflow(page) == 0


@pytest.mark.parametrize("window", [PHONE, DESK], ids=["phone", "desk"])
def test_in_a_browser_uploads_are_seen_without_scrolling_and_facts_are_folded_at_the_end(served, tab, window):
    page, _ = tab
    page.set_viewport_size(window)
    opened_page(page, served)
    upload, recognize, about = (
        page.get_by_text("Sound files, each up to 60 s"),
        page.get_by_role("button", name="Recognize"),
        page.get_by_text("About this model"),
    )
    assert top(upload) < top(recognize) < top(about)
    assert top(recognize) < window["height"]
    assert not page.get_by_text("not calibrated: 90 %").is_visible()


def test_in_a_browser_the_example_is_recognized_and_can_be_played(served, tab):
    page, elsewhere = tab
    opened_page(page, served)
    page.get_by_role("button", name="Try an example").click()
    assert page.locator("#answer tbody th").inner_text() == "synthetic_example.wav"
    player = page.locator("#answer audio")
    player.evaluate("player => player.readyState >= 1 || new Promise(loaded => player.onloadedmetadata = loaded)")
    assert 1 < player.evaluate("player => player.duration") < 4
    assert elsewhere == []


def test_in_a_browser_a_file_that_is_no_sound_is_refused_when_it_is_chosen(served, tab, tmp_path):
    page, _ = tab
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Sir or Madam")
    opened_page(page, served)
    page.set_input_files("input[type=file]", letter)
    page.get_by_text("Invalid file type").wait_for()
    assert not page.get_by_label("letter.txt").is_visible()


def test_in_a_browser_two_files_are_uploaded_recognised_and_drawn_without_loading_anything_from_elsewhere(
    served, tab, recognizer, sounds, tmp_path
):
    page, elsewhere = tab
    submit(page, served, sounds)
    page.locator("#answer table").wait_for()
    emotions = [cell.inner_text() for cell in page.locator("#answer td.emotion").all()]
    assert emotions == [recognizer.predict(path).emotion for path in sounds]
    widths = page.locator("#answer figure img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert len(widths) == 2 and min(widths) >= 1000
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert (tmp_path / "page.png").stat().st_size > 50_000
    assert elsewhere == []


def test_in_a_browser_a_bad_file_has_its_line_and_clear_empties_the_page(served, tab, sounds, tmp_path):
    page, elsewhere = tab
    bad = tmp_path / "empty.wav"
    bad.touch()
    submit(page, served, [str(bad), sounds[0]])
    page.locator("#answer td.error", has_text="empty, 0 bytes").wait_for()
    assert page.locator("#answer figure").count() == 1
    page.get_by_role("button", name="Clear").last.click()
    page.locator("#answer table").wait_for(state="detached")
    assert elsewhere == []
