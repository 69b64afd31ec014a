"""Writes docs/reference/ and the page of alarms from what the code says of itself; `--check` only tells whether they are current.

The modules' page comes from their DOCUMENTATION, the inventory's page from the `preflight` role's argument specs, the
alarms' page from their definitions.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "module_utils"))

from kc.alarms import ABOVE, ALARMING, KEEP, OK, UNSURE, WATCHES, Watch  # noqa: E402
from kc.backup.options import STORE  # noqa: E402
from kc.clickhouse.options import COMMON as CLICKHOUSE  # noqa: E402
from kc.clickhouse.options import TABLE  # noqa: E402
from kc.keeper.options import COMMON as ENSEMBLE  # noqa: E402
from kc.keeper.options import TREE  # noqa: E402
from kc.mysql.options import COMMON as MYSQL  # noqa: E402
from kc.mysql.options import DATA, RDS, SOURCE  # noqa: E402
from kc.notices import NOTICES  # noqa: E402
from kc.spec import COMMON, documentation  # noqa: E402
from kc.sql.options import SERVER  # noqa: E402

OUT = ROOT / "docs"
NOTE = "<!-- Written by `make docs`; don't edit. -->\n"


def prose(text: str | list[str]) -> str:
    """Return a description as one paragraph, Ansible's markup as Markdown."""
    joined = " ".join(text) if isinstance(text, list) else text
    for mark in "CMIBVO":
        parts = joined.split(f"{mark}(")
        joined = parts[0] + "".join(f"`{rest.replace(')', '`', 1)}" for rest in parts[1:])
    return " ".join(joined.split())


def rows(options: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield a table row an option, suboptions under their dotted path."""
    for name, about in options.items():
        kind = about.get("type", "str")
        if about.get("elements"):
            kind = f"{kind} of {about['elements']}"
        default = "**required**" if about.get("required") else f"`{yaml_inline(about['default'])}`" if "default" in about else ""
        choices = f" One of {', '.join(f'`{one}`' for one in about['choices'])}." if "choices" in about else ""
        yield f"| `{path}{name}` | {kind} | {default} | {cell(prose(about.get('description', '')) + choices)} |"
        yield from rows(about.get("suboptions") or about.get("options") or {}, f"{path}{name}.")


def yaml_inline(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).strip().removesuffix("...").strip()


def cell(text: str) -> str:
    return text.replace("|", "\\|")


FRAGMENTS = {
    "kc_clickhouse_table": TABLE,
    "kc_ensemble": ENSEMBLE,
    "kc_server": SERVER,
    "kc_ensemble_tree": TREE,
    "kc_mysql_making": DATA,
    "kc_mysql_rds": RDS,
    "kc_mysql_source": SOURCE,
    "kc_store": STORE,
}
"""Options of several modules that are told with each of them."""

HEAD = "| option | type | default | meaning |\n|---|---|---|---|\n"


def modules() -> str:
    """Return the page of the modules."""
    parts = [NOTE, "# Modules\n", "Most modules converge one unit. All of these take these options:\n"]
    parts.append(HEAD + "\n".join(rows(yaml.safe_load(COMMON)["options"])) + "\n")
    parts.append("An option that is required is so for `state: present` only.\n")
    parts.append("What begins with `kc_clickhouse_` runs on a node and speaks to servers; it takes these:\n")
    parts.append(HEAD + "\n".join(rows(yaml.safe_load(CLICKHOUSE)["options"])) + "\n")
    parts.append("What begins with `kc_mysql_` speaks to a server of MySQL; it takes these:\n")
    parts.append(HEAD + "\n".join(rows(yaml.safe_load(MYSQL)["options"])) + "\n")
    for file in sorted((ROOT / "library").glob("kc_*.py")):
        about = yaml.safe_load(documentation(file))
        parts.append(f"## {about['module']}\n\n{about['short_description']}.\n")
        parts.append("\n".join(f"- {prose(line)}" for line in about["description"]) + "\n")
        extended = about.get("extends_documentation_fragment", [])
        options: dict[str, Any] = {}
        for fragment in [extended] if isinstance(extended, str) else extended:
            options |= yaml.safe_load(FRAGMENTS.get(fragment, "options: {}"))["options"]
        options |= about.get("options") or {}
        if options:
            parts.append(HEAD + "\n".join(rows(options)) + "\n")
    return "\n".join(parts)


def inventory() -> str:
    """Return the page of the inventory's variables."""
    spec = yaml.safe_load((ROOT / "roles/preflight/meta/argument_specs.yml").read_text())["argument_specs"]["inventory"]
    parts = [NOTE, "# The inventory's variables\n", prose(spec.get("description", "")) + "\n"]
    parts.append(HEAD.replace("option", "variable") + "\n".join(rows(spec["options"])) + "\n")
    return "\n".join(parts)


ALARMS = """# Alarms

Every alarm, what it means at three in the morning, and the first thing to do. The alarm's own description, which mails and
pagers show, says the same. `pages` wakes somebody; `alerts` waits for the morning. Thresholds and their reasons are in
`inventories/common/all/observability.yml`; an application may have its own (`alarms` in its entry of `kc_applications`).

Who is told is in `kc_observability_subscriptions` of the environment. A new receiver gets a mail, or a request, to confirm;
until then it is told nothing (`confirmed: false` in the task's outputs), and three days later the next run asks again.
To see that a page arrives: `aws cloudwatch set-alarm-state --alarm-name … --state-value ALARM --state-reason test`; the alarm
goes back by itself.

A region's alarms stand in that region, and go with it. What tells of a region that is lost stands elsewhere: the health
checks and CloudFront's alarms in us-east-1, `replica-lag` and `replica-late` in the other region. The same alarms stand in
both regions, whichever is primary: what only a replica tells is silent on the source, so a failover moves no alarm.

"""

SILENCE = {OK: "fine", ALARMING: "rings", KEEP: "stays as it was", UNSURE: "unknown"}


def alarms() -> str:
    """Return the page of alarms and events."""
    data = yaml.safe_load((ROOT / "inventories/common/all/observability.yml").read_text())
    thresholds = data["kc_observability_thresholds"]
    parts = [NOTE, ALARMS, "| alarm | to | rings | without data | means | first |\n|---|---|---|---|---|---|\n"]
    for name, watch in WATCHES.items():
        row = (f"`{watch.about}-{name}`", watch.topic, _rings(watch, thresholds), SILENCE[watch.missing], watch.means, watch.first)
        parts.append(f"| {' | '.join(cell(text) for text in row)} |\n")
    parts.append(
        "\n## Events\n\nWhat AWS tells by itself, and the sentence that arrives.\n\n| rule | to | when | sentence |\n|---|---|---|---|\n"
    )
    for name, notice in NOTICES.items():
        row = (f"`{name}`", notice.topic, notice.when, f"`{notice.text}`")  # type: ignore[assignment]
        parts.append(f"| {' | '.join(cell(text) for text in row)} |\n")
    return "".join(parts)


def _rings(watch: Watch, thresholds: Mapping[str, float]) -> str:
    limit = f"`{watch.waits}` ({thresholds[watch.waits]:g})" if isinstance(watch.waits, str) else f"{watch.waits:g}"
    often = f"{watch.points} of {watch.of}" if watch.points != watch.of else str(watch.of)
    length = {60: "min", 300: "times 5 min", 86_400: "day"}[watch.period]
    return f"{'above' if watch.comparison == ABOVE else 'below'} {limit}, {often} {length}"


PAGES = {"reference/modules.md": modules, "reference/inventory.md": inventory, "operations/alarms.md": alarms}


def main() -> int:
    check = "--check" in sys.argv
    stale = []
    for name, page in PAGES.items():
        file, text = OUT / name, page()
        if not file.exists() or file.read_text() != text:
            stale.append(name)
            if not check:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
    if check and stale:
        print(f"docs/{', docs/'.join(stale)} not current: run `make docs`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
