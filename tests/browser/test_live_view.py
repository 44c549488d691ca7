"""The live view in JupyterLab: what it shows while a run goes on, at its end, of a pipeline, and of hostile names."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

expect.set_options(timeout=60_000)

pytestmark = pytest.mark.browser

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SCRIPT = """\
import os, time

WAIT = [str(number) for number in range(60, 100)]

def run(mini_batch):
    name = os.path.basename(mini_batch[0])
    print("scoring", name, flush=True)
    if name.startswith("0 ") or name == "31.png":
        raise ValueError(f"no digit in {name}")
    time.sleep(0.05)
    while name[:2] in WAIT and not os.path.exists(os.path.join(os.environ["HERE"], "go")):
        time.sleep(0.01)
    return [name]
"""
BEGIN = """\
import os
os.environ["HERE"] = os.getcwd()
import parallelrun as pr
from parallelrun.client.widget import RunDetails
"""
RUN = """\
job = pr.Job("digits", source="code", entry_script="score.py", inputs=[pr.Files("images")], mini_batch_size=1,
             node_count=2, process_count_per_node=2, error_threshold=-1, run_max_try=1)
run = job.run_local(wait=False)
RunDetails(run).show()
"""
PIPELINE = """\
prepare = pr.ScriptStep("prepare", source="prepare", entry_script="prepare.py", arguments=["$(outputs.images)"],
                        outputs=["images"])
job = pr.Job("score", source="code", entry_script="score.py", inputs=[pr.Files(prepare.outputs["images"])],
             mini_batch_size=1)
score = pr.Step("score", job)
report = pr.ScriptStep("report", source="prepare", entry_script="report.py", side_inputs={"scores": score.file})
run = pr.Pipeline("nightly", steps=[prepare, score, report]).run_local(wait=False)
RunDetails(run).show()
"""
HOSTILE = ['0 <img src=x onerror="window.pwned=1">.png', "99 \x1b[31mred\u202e.png"]


@pytest.fixture
def here(lab):
    """The folder of the notebooks, with code and images."""
    (lab.folder / "go").unlink(missing_ok=True)
    for name in ("images", "code", "prepare"):
        shutil.rmtree(lab.folder / name, ignore_errors=True)
        (lab.folder / name).mkdir()
    (lab.folder / "code" / "score.py").write_text(SCRIPT)
    for number in range(100):
        (lab.folder / "images" / f"{number}.png").touch()
    return lab.folder


def screenshot(view, name):
    """Kept in docs/images where SCREENSHOTS is set."""
    if os.environ.get("SCREENSHOTS"):
        view.screenshot(path=IMAGES / f"{name}.png")


def test_a_run_is_followed_to_its_end(lab, here, opened):
    page = opened(lab.notebook("live", BEGIN + RUN))
    view = page.locator(".prd-root")
    expect(view.locator(".prd-phase")).to_have_text("Running")
    expect(view.locator(".prd-lane")).to_have_count(2)
    expect(view.locator(".prd-chip")).to_have_count(4)  # each process waits in a mini-batch
    expect(view.locator("[role=progressbar]")).to_have_attribute("aria-valuenow", "60")
    expect(view.locator(".prd-failure summary")).to_have_text("mini-batch 31: ValueError: no digit in 31.png")
    expect(view.locator(".prd-curve")).to_be_visible()
    expect(view.locator(".prd-log")).to_contain_text("scoring 60.png")
    screenshot(view, "run-details")
    view.locator(".prd-failure summary").click()
    expect(view.locator(".prd-file")).to_have_text(str(here / "images" / "31.png"))
    expect(view.locator(".prd-trace")).to_contain_text("Traceback (most recent call last)")
    (here / "go").touch()
    expect(view.locator(".prd-phase")).to_have_text("Done")
    expect(view.locator("[role=progressbar]")).to_have_attribute("aria-valuenow", "100")
    expect(view.locator(".prd-trace")).to_be_visible()  # what was opened stays open


def test_what_is_hostile_is_text(lab, here, opened):
    for name in HOSTILE:
        (here / "images" / name).touch()
    (here / "go").touch()
    page = opened(lab.notebook("hostile", BEGIN + RUN))
    view = page.locator(".prd-root")
    expect(view.locator(".prd-phase")).to_have_text("Done")
    view.locator(".prd-failure summary").first.click()
    expect(view.locator(".prd-file").first).to_contain_text(HOSTILE[0])
    expect(view.locator(".prd-trace").first).to_contain_text(f"no digit in {HOSTILE[0]}")
    expect(view.locator(".prd-log")).to_contain_text(r"99 \x1b[31mred\u202e.png")
    assert page.evaluate("window.pwned") is None
    assert view.locator("img, script").count() == 0


def test_the_steps_of_a_pipeline_are_shown_and_each_can_be_looked_at(lab, here, opened):
    (here / "prepare" / "prepare.py").write_text(
        "import sys\nfor n in range(55, 75):\n    open(f'{sys.argv[1]}/{n}.png', 'w').close()\nprint('prepared 20')\n"
    )
    (here / "prepare" / "report.py").write_text("print('reported')\n")
    page = opened(lab.notebook("pipeline", BEGIN + PIPELINE, "run.wait()"), "dark")  # which keeps the kernel busy
    view = page.locator(".prd-root")
    expect(view.locator(".prd-step")).to_have_count(3)
    expect(view.locator(".prd-step").nth(1)).to_contain_text("Running")
    expect(view.locator(".prd-chosen")).to_have_text("score")
    expect(view.locator(".prd-step").nth(1)).to_contain_text("5 of 20 mini-batches")
    expect(view.locator(".prd-log")).to_contain_text("scoring 60.png")
    colour = view.evaluate("element => getComputedStyle(element).backgroundColor")
    assert max(map(int, re.findall(r"\d+", colour)[:3])) < 80, f"{colour} is not dark"
    screenshot(view, "pipeline-details")
    view.locator(".prd-step").first.click()
    expect(view.locator(".prd-chosen")).to_have_text("prepare")
    expect(view.locator(".prd-log")).to_contain_text("prepared 20")
    (here / "go").touch()
    expect(view.locator(".prd-phase").first).to_have_text("Succeeded")
    expect(view.locator(".prd-step-phase")).to_have_text(["Succeeded"] * 3)
