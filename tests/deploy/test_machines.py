"""The dashboard and the alerts name only metrics and labels that a running system has, and the alerts cover what must wake somebody."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from farandole.contract.choreography import FLOWS
from farandole.proof.ground.cluster import Embedded
from farandole.proof.ground.waiting import drive_until, pause

DEPLOY = Path(__file__).parents[2] / "deploy"
NAME = re.compile(r"\bfarandole_[a-z_]+")
GROUPED = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")
MATCHED = re.compile(r"\{([^}]*)\}")
PRICES = dict(zip(FLOWS, ("10.00", "10000.01", "10.00"), strict=True))
Asked = tuple[str, str]
"""A query, and the text that shows its labels."""


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """The labels of every sample that a system tells which has danced each flow, by the sample's name."""
    with (
        Embedded(tmp_path_factory.mktemp("machines") / "data") as up,
        httpx.Client(base_url=up.url, timeout=40) as client,
    ):
        assert client.post("/api/stock/tea/receipts", json={"quantity": 100}).status_code == 201
        for flow, price in PRICES.items():
            sku = "unicorn" if flow == "stock-failure" else "tea"
            line = {"sku": sku, "quantity": 1, "unit_price": price}
            wish = {"customer": {"id": "c-1"}, "currency": "USD", "lines": [line]}
            assert client.post("/api/orders", json=wish, headers={"Prefer": "wait=30"}).status_code == 201
        drive_until(lambda: "farandole_orders_placed_total 3.0" in client.get("/metrics").text, pause)
        yield _samples(client.get("/metrics").text)


def _samples(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] |= sample.labels.keys()
    return found


def alerts() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DEPLOY / "grafana" / "farandole.json").read_text(encoding="utf-8"))[
        "panels"
    ]
    return found


def asked() -> list[Asked]:
    shown = [(target["expr"], target["legendFormat"]) for panel in panels() for target in panel["targets"]]
    return shown + [(rule["expr"], " ".join(rule["annotations"].values())) for rule in alerts()]


def labels(query: str, shown: str) -> set[str]:
    """Every label that a query groups by, matches or shows."""
    grouped = {label.strip() for found in GROUPED.findall(query) for label in found.split(",")}
    matched = {re.split(r"[=!]", part)[0].strip() for found in MATCHED.findall(query) for part in found.split(",")}
    named = set(re.findall(r"\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}", shown))
    return grouped | matched | named


def test_every_metric_and_label_exists(metrics: dict[str, set[str]]) -> None:
    wrong = []
    for query, shown in asked():
        names = NAME.findall(query)
        assert names, query
        wrong += [f"{name}: {query}" for name in names if name not in metrics]
        wrong += [
            f"{name} has no label {label}: {query}"
            for name in names
            for label in labels(query, shown) - metrics.get(name, set())
        ]
    assert wrong == []


def test_an_unknown_label_or_metric_would_be_noticed() -> None:
    assert labels('max by (kind, x) (farandole_a{y="1"}) > 0', "{{z}} {{ $labels.kind }}") == {"kind", "x", "y", "z"}
    assert NAME.findall("rate(farandole_a_total[1m]) / farandole_b") == ["farandole_a_total", "farandole_b"]


@pytest.mark.parametrize(
    "metric",
    [
        "farandole_orders_late",
        "farandole_lag_records",
        "farandole_dead_letters",
        "farandole_outbox_oldest_seconds",
        "farandole_ledger_drift",
    ],
)
def test_what_must_wake_somebody_has_an_alert_and_a_panel(metric: str) -> None:
    assert [rule["alert"] for rule in alerts() if metric in NAME.findall(rule["expr"])]
    assert [p["title"] for p in panels() if any(metric in NAME.findall(target["expr"]) for target in p["targets"])]


def test_alerts_and_panels_are_complete() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description"}
    assert len({rule["alert"] for rule in alerts()}) == len(alerts())
    assert len({panel["id"] for panel in panels()}) == len(panels())
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
