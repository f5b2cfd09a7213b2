from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from trunkline.api.docs import ORIGIN, docs_routes
from trunkline.kit.openapi import openapi
from trunkline.vendors import dialects

NAMES = list(dialects())
PAGES = ["/", *(f"/{name}/docs" for name in NAMES)]
VOID = {"meta", "link", "br", "hr", "img", "input"}


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=docs_routes()), base_url="http://calls.example.com:8080")


class Page(HTMLParser):
    """What a page holds, and whether its elements close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_well_formed_and_fetches_nothing(client: TestClient, path: str) -> None:
    answer = client.get(path)
    page = Page(answer.text)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not {"script", "img", "link", "iframe", "form"} & set(page.names)
    assert not {"src", "style", "onclick", "onload"} & set(page.attributes)
    assert all(href.startswith(("/", "#")) for href in page.attributes.get("href", []))


@pytest.mark.parametrize("path", PAGES)
def test_the_content_policy_allows_the_page_its_own_style_and_nothing_else(
    client: TestClient, path: str
) -> None:
    answer = client.get(path)
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", PAGES)
def test_every_link_of_a_page_leads_somewhere(client: TestClient, path: str) -> None:
    page = Page(client.get(path).text)
    for href in page.attributes["href"]:
        if href.startswith("#"):
            assert page.attributes["id"].count(href[1:]) == 1, href
        else:
            assert client.get(href).status_code == 200, href


@pytest.mark.parametrize("name", NAMES)
def test_a_dialect_page_shows_every_operation_parameter_and_status(client: TestClient, name: str) -> None:
    text = client.get(f"/{name}/docs").text
    document = openapi(dialects()[name])
    for path, item in document["paths"].items():
        for operation in item.values():
            assert f"<code>{path}</code>" in text
            for parameter in operation["parameters"]:
                assert f"<code>{parameter['name']}</code>" in text
            for status in operation["responses"]:
                assert status < "300" or f"<summary><b>{status}</b>" in text


@pytest.mark.parametrize("name", NAMES)
def test_the_openapi_document_is_served_for_the_prefix_of_its_dialect(client: TestClient, name: str) -> None:
    answer = client.get(f"/{name}/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(json.dumps(openapi(dialects()[name], server_url=f"/{name}")))


def test_curl_lines_name_the_address_at_which_the_reader_found_us(client: TestClient) -> None:
    text = client.get("/").text
    for name, dialect in dialects().items():
        assert f"http://calls.example.com:8080/{name}{dialect.operations[0].path}" in text
    assert ORIGIN not in text


def test_a_forged_host_is_not_repeated(client: TestClient) -> None:
    text = client.get("/", headers={"host": 'x"><script>alert(1)</script>'}).text
    assert "alert" not in text
    assert "http://localhost/" in text


def test_only_reading_is_allowed(client: TestClient) -> None:
    assert client.head("/").status_code == 200
    assert client.post("/").status_code == 405


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_says_what_it_means(name: str) -> None:
    paths = openapi(dialects()[name])["paths"]
    silent = [
        f"{method} {path}: {parameter['name']}"
        for path, operations in paths.items()
        for method, operation in operations.items()
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    ]
    assert silent == []
