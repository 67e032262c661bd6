"""The page's files: their contents, and their responses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import smsworks_async.sandbox
from support.wire import sandbox


FOLDER = Path(smsworks_async.sandbox.__file__).with_name("page")
NAMES = sorted(file.name for file in FOLDER.iterdir() if file.suffix != ".py")
SCRIPTS = [name for name in NAMES if name.endswith(".js")]
TYPES = {"css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml"}


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


async def get(api, path, **options):
    async with api.session.get(f"{api.box.root_url}{path}", **options) as response:
        return response.status, await response.read(), response.headers


async def test_page_is_at_the_root(api):
    assert (await get(api, "/"))[1] == (FOLDER / "index.html").read_bytes()


@pytest.mark.parametrize("name", NAMES)
async def test_file_is_sent_with_its_type_and_a_strict_policy(api, name):
    status, body, headers = await get(api, f"/sandbox/page/{name}")
    assert (status, body) == (200, (FOLDER / name).read_bytes())
    assert headers["Content-Type"] == f"{TYPES[name.rpartition('.')[2]]}; charset=utf-8"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_file_that_has_not_changed_is_not_sent_again(api):
    _, _, headers = await get(api, "/sandbox/page/app.js")
    known = {"If-None-Match": headers["ETag"]}
    assert (await get(api, "/sandbox/page/app.js", headers=known))[:2] == (304, b"")
    assert (await get(api, "/sandbox/page/api.js", headers=known))[0] == 200


@pytest.mark.parametrize(
    "name", ["nothing.js", "__init__.py", "..%2Fcontrol.py", "%2Fetc%2Fpasswd"]
)
async def test_page_has_no_other_files(api, name):
    assert (await get(api, f"/sandbox/page/{name}"))[0] == 404


async def test_reference_has_the_codes_and_the_operations(api):
    async with api.session.get(f"{api.box.root_url}/sandbox/page/reference.json") as response:
        reference = await response.json()
    codes = [row["code"] for row in reference["codes"]]
    assert codes == [5001, 5002, 5004, 5006, 5008, 5009, 5010, 5011, 5013, 5015, 5034]
    assert {"method": "POST", "path": "/batch/send"} in reference["operations"]


@pytest.mark.parametrize("name", NAMES)
def test_file_names_no_other_host_and_has_nothing_inline(name):
    text = (FOLDER / name).read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|url\(|@import", text)
    if name.endswith(".html"):
        assert not re.search(r"<style|\bstyle=|\son\w+=|<script(?![^>]* src=)", text)


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_makes_no_markup_of_text(name):
    text = (FOLDER / name).read_text("utf-8")
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser|eval\(|Function\(",
        text,
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_imports_files_that_are_there(name):
    text = (FOLDER / name).read_text("utf-8")
    assert set(re.findall(r"from \"\./([^\"]+)\"", text)) <= set(SCRIPTS)


def test_icons_that_are_used_are_there():
    every = "".join((FOLDER / name).read_text("utf-8") for name in SCRIPTS)
    table = re.search(r"const ICONS = \{(.*?)\n\};", every, re.DOTALL)
    assert table is not None
    known = set(re.findall(r"^  (\w+):", table[1], re.MULTILINE))
    assert set(re.findall(r"icon\(\"(\w+)\"\)", every)) <= known


def test_files_are_small_enough_to_be_read():
    lengths = {name: len((FOLDER / name).read_text("utf-8").splitlines()) for name in NAMES}
    assert max(lengths.values()) <= 300
