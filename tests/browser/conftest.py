"""JupyterLab on this machine and a real Chromium to look at it; started by the first test that asks for them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from api_server import free_port
from playwright.sync_api import Browser, Page, sync_playwright

DEADLINE_SECONDS = 60.0
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window; the tests are skipped where there is none, and fail in CI.

    For no longer than a file's tests: while it is there, this thread has a running event loop, and others none.
    """
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say("Chromium is not installed: tools/browser/chromium.sh installs it, or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


class Lab:
    """A JupyterLab whose notebooks are in ``folder``."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def notebook(self, name: str, *cells: str) -> str:
        """Write a notebook; its address."""
        value = {
            "cells": [
                {"cell_type": "code", "id": f"cell{number}", "metadata": {}, "outputs": [], "source": source,
                 "execution_count": None}
                for number, source in enumerate(cells)
            ],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }  # fmt: skip
        (self.folder / f"{name}.ipynb").write_text(json.dumps(value))
        return f"{self.url}/lab/workspaces/{name}/tree/{name}.ipynb?reset"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started with settings of its own, and stopped with its kernels."""
    folder, home = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter")
    port = free_port()
    options = {
        "ServerApp.root_dir": str(folder),
        "ServerApp.port": str(port),
        "ServerApp.port_retries": "0",
        "ServerApp.ip": "127.0.0.1",
        "IdentityProvider.token": "",
        "ServerApp.allow_root": "True",
        "LabApp.expose_app_in_browser": "True",
        "LabApp.news_url": "",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "LabApp.extension_manager": "readonly",
    }
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", *(f"--{k}={v}" for k, v in options.items())]
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(home), "IPYTHONDIR": str(home), "HOME": str(home)}
    environment["JUPYTER_RUNTIME_DIR"] = environment["JUPYTERLAB_SETTINGS_DIR"] = str(home)
    settings = home / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"fetchNews": "false"}')
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not _answers(f"{url}/api"):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"JupyterLab did not start:\n{(home / 'log').read_text()[-3000:]}")
            time.sleep(0.05)
        yield Lab(folder, url)
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture
def opened(browser: Browser, lab: Lab) -> Iterator[Callable[[str, str], Page]]:
    """Opens a notebook, light or dark, and runs all its cells; every request has to stay on this machine."""
    pages: list[Page] = []
    asked: list[str] = []

    def open_(url: str, theme: str = "light") -> Page:
        page = browser.new_page(color_scheme=theme, viewport={"width": 1100, "height": 1000})
        page.set_default_timeout(DEADLINE_SECONDS * 1000)
        page.on("request", lambda request: asked.append(request.url))
        pages.append(page)
        page.goto(url)
        page.wait_for_function("window.jupyterapp && window.jupyterapp.shell.currentWidget?.sessionContext?.isReady")
        name = "JupyterLab Dark" if theme == "dark" else "JupyterLab Light"
        page.evaluate("name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")  # not to their end
        return page

    yield open_
    for page in pages:
        page.close()
    strangers = [url for url in asked if not url.startswith((lab.url, "data:", "blob:", lab.url.replace("http", "ws")))]
    assert strangers == [], "a request left the page"
