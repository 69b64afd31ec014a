"""A region's dashboard: the same metrics as its alarms, a row a thing that can be ill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .alarms import Metric

WIDTH, HEIGHT = 24, 6
"""Columns of a dashboard, and the rows that one graph takes (CloudWatch user guide, Dashboard body structure)."""

ALARMS = 100
"""Alarms that one widget shows at most (the same, Properties of an alarm widget object)."""

Row = Sequence[tuple[str, Mapping[str, Metric]]]
"""Graphs beside each other: title, and metrics by label."""


def body(region: str, alarms: Sequence[str], rows: Sequence[Row]) -> dict[str, Any]:
    """Return a dashboard's body: the state of all alarms (ARNs), then the rows of graphs.

    Its sequences are tuples: their order means something, also where they hold Refs.
    """
    states = [sorted(alarms)[start : start + ALARMS] for start in range(0, len(alarms), ALARMS)]
    widgets = [_states(number * HEIGHT, some) for number, some in enumerate(states)]
    top = len(states)
    for number, row in enumerate(rows, start=top):
        width = WIDTH // len(row)
        for column, (title, metrics) in enumerate(row):
            widgets.append(_graph(region, title, metrics, x=column * width, y=number * HEIGHT, width=width))
    return {"widgets": tuple(widgets)}


def _states(y: int, alarms: Sequence[str]) -> dict[str, Any]:
    about = {"title": "Alarms", "alarms": tuple(alarms), "sortBy": "stateUpdatedTimestamp"}
    return {"type": "alarm", "x": 0, "y": y, "width": WIDTH, "height": HEIGHT, "properties": about}


def _graph(region: str, title: str, metrics: Mapping[str, Metric], *, x: int, y: int, width: int) -> dict[str, Any]:
    lines = tuple(
        (
            metric.namespace,
            metric.name,
            *(part for pair in metric.dimensions.items() for part in pair),
            {"label": label, "stat": metric.statistic},
        )
        for label, metric in metrics.items()
    )
    about = {"title": title, "region": region, "view": "timeSeries", "period": 60, "metrics": lines}
    return {"type": "metric", "x": x, "y": y, "width": width, "height": HEIGHT, "properties": about}
