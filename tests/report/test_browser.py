"""The page in a real browser; skipped where there is none."""

import json
import re
import shutil
import subprocess

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--log-level=0",
    "--timeout=20000",
]
PROBE = """<script>
addEventListener("load", () => {
  const overflow = [...document.querySelectorAll("body *")].filter(part =>
    !part.closest(".wide, svg") && part.getBoundingClientRect().right > innerWidth + 1).map(part => part.tagName);
  document.title = JSON.stringify({
    fetched: performance.getEntriesByType("resource").map(entry => entry.name)
      .filter(name => !name.startsWith("data:")),
    broken: [...document.images].filter(image => !(image.complete && image.naturalWidth)).length,
    nameless: [...document.images].filter(image => !image.alt).length,
    images: document.images.length,
    drawn: [...document.querySelectorAll("figure svg")].map(svg => svg.getBoundingClientRect().height),
    ink: getComputedStyle(document.querySelector("figure svg text")).fill,
    paper: getComputedStyle(document.body).backgroundColor,
    width: document.documentElement.scrollWidth, window: innerWidth, overflow: overflow,
  });
});
</script>"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install it to run these tests")


def browse(url, folder, *flags):
    """Return the page's elements and the browser's log."""
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder}/profile", *flags, url]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    return done.stdout.decode(), done.stderr.decode()


def measure(page, folder, *flags):
    """Return what a script sees of a copy of the page that lets scripts run."""
    html = re.sub(r"<meta http-equiv=[^>]*>", "", page.read_text(encoding="utf-8"))
    probed = folder / "probed.html"
    probed.write_text(html.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    elements, _ = browse(probed.as_uri(), folder, "--dump-dom", *flags)
    title = re.search(r"<title>(.*?)</title>", elements, re.DOTALL)
    return json.loads(title.group(1).replace("&amp;", "&"))


def test_renders_without_a_word_on_the_console(page, tmp_path):
    elements, log = browse(page.as_uri(), tmp_path, "--dump-dom")
    assert elements.count("<section") == 7
    assert elements.count("<svg") >= 9
    assert "CONSOLE" not in log


def test_the_console_is_heard(tmp_path):
    path = tmp_path / "loud.html"
    path.write_text("<body><img src='missing.png'><script>console.error('loud')</script>")
    assert "CONSOLE" in browse(path.as_uri(), tmp_path, "--dump-dom")[1]


def test_nothing_is_fetched_and_all_images_show(page, tmp_path):
    seen = measure(page, tmp_path)
    assert seen["fetched"] == []
    assert seen["images"] > 20
    assert seen["broken"] == 0
    assert seen["nameless"] == 0
    assert min(seen["drawn"]) > 100


def test_dark_and_light(page, tmp_path):
    light = measure(page, tmp_path)
    dark = measure(page, tmp_path, "--blink-settings=preferredColorScheme=0")
    assert (light["paper"], light["ink"]) == ("rgb(255, 255, 255)", "rgb(27, 31, 36)")
    assert (dark["paper"], dark["ink"]) == ("rgb(20, 23, 27)", "rgb(230, 232, 235)")


def test_nothing_is_wider_than_a_phone(page, tmp_path):
    # A window of headless Chromium is at least 500 pixels wide: the phone is a frame within it.
    measure(page, tmp_path)
    frame = tmp_path / "phone.html"
    frame.write_text(
        '<iframe src="probed.html" width="390" height="800" style="border:0"></iframe>'
        "<script>onload = () => setTimeout(() => {document.title = frames[0].document.title}, 200)</script>"
    )
    elements, _ = browse(
        frame.as_uri(), tmp_path, "--dump-dom", "--allow-file-access-from-files", "--virtual-time-budget=5000"
    )
    seen = json.loads(re.search(r"<title>(.*?)</title>", elements, re.DOTALL).group(1))
    assert seen["window"] == 390
    assert seen["width"] <= 390
    assert seen["overflow"] == []


def test_prints(page, tmp_path):
    browse(page.as_uri(), tmp_path, f"--print-to-pdf={tmp_path}/page.pdf")
    pdf = (tmp_path / "page.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 20_000
