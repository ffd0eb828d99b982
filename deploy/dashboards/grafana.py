"""The parts that dashboards are made of, as Grafana 11 and later read them."""

PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}
TEMPO = {"type": "tempo", "uid": "${tempo}"}

# Of the 24 columns and without an end of rows.
WIDTH = 24
HEIGHT = 8


def query(expr, legend="", instant=False):
    """A PromQL query; `legend` names its series by their labels."""
    return {
        "datasource": PROMETHEUS,
        "expr": expr,
        "legendFormat": legend,
        "instant": instant,
        "range": not instant,
        **({"format": "table"} if instant else {}),
    }


def traceql(text, limit=20):
    """A search for traces."""
    return {"datasource": TEMPO, "query": text, "queryType": "traceql", "limit": limit, "tableType": "spans"}


def panel(kind, title, tells, targets, unit="short", width=8, height=HEIGHT, options=None, custom=None, steps=None):
    """A panel; `tells` is what somebody who looks at it should know."""
    defaults = {"unit": unit, "custom": custom or {}}
    if steps:
        coloured = [{"color": color, "value": value} for value, color in steps]
        defaults["thresholds"] = {"mode": "absolute", "steps": coloured}
    return {
        "type": kind,
        "title": title,
        "description": tells,
        "datasource": targets[0]["datasource"],
        "targets": [{**target, "refId": chr(ord("A") + number)} for number, target in enumerate(targets)],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options or {},
        "gridPos": {"w": width, "h": height},
    }


def lines(title, tells, targets, unit="short", stacked=False, **more):
    """Values over time."""
    stacking = {"stacking": {"mode": "normal"}, "fillOpacity": 30} if stacked else {}
    options = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel("timeseries", title, tells, targets, unit, custom=stacking, options=options, **more)


def number(title, tells, target, unit="short", steps=None, **more):
    """The last value, coloured from thresholds on."""
    options = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "background" if steps else "none"}
    return panel("stat", title, tells, [target], unit, options=options, steps=steps, **more)


def bars(title, tells, targets, unit="short", **more):
    """The last values beside each other."""
    options = {"reduceOptions": {"calcs": ["lastNotNull"]}, "orientation": "horizontal", "displayMode": "basic"}
    return panel("bargauge", title, tells, targets, unit, options=options, **more)


def table(title, tells, targets, unit="short", **more):
    """One row for each series, without what nobody reads."""
    made = panel("table", title, tells, targets, unit, **more)
    made["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True}}},
    ]
    return made


def heat(title, tells, expr, unit="s", **more):
    """How values of a histogram are spread over time."""
    target = {**query(expr, "{{le}}"), "format": "heatmap"}
    return panel("heatmap", title, tells, [target], unit, options={"calculate": False, "yAxis": {"unit": unit}}, **more)


def found(title, tells, text, **more):
    """Spans that a search finds; each leads to its trace."""
    return panel("table", title, tells, [traceql(text)], **more)


def trace(title, tells, variable, **more):
    """One trace, span by span."""
    return panel("traces", title, tells, [traceql(f"${{{variable}}}", 1)], **more)


def row(title):
    """A heading over the panels that follow."""
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"w": WIDTH, "h": 1}}


def datasource(name, kind):
    """A variable: which of several data sources of a kind."""
    return {"type": "datasource", "name": name, "label": kind.capitalize(), "query": kind, "hide": 0}


def values(name, label, metric, of, multi=True):
    """A variable: the values that a label of a metric has."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": PROMETHEUS,
        "query": {"query": f"label_values({metric}, {of})", "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": multi,
        "includeAll": multi,
        **({"allValue": ".*", "current": {"text": "All", "value": "$__all"}} if multi else {}),
    }


def text(name, label, default=""):
    """A variable that is typed in."""
    current = {"text": default, "value": default}
    return {"type": "textbox", "name": name, "label": label, "query": default, "current": current}


def dashboard(uid, title, tells, variables, panels):
    """A dashboard whose panels fill rows from the left."""
    x = y = tallest = 0
    for number_, made in enumerate(panels, 1):
        place = made["gridPos"]
        if x + place["w"] > WIDTH:
            x, y, tallest = 0, y + tallest, 0
        made["id"] = number_
        place.update(x=x, y=y)
        x, tallest = x + place["w"], max(tallest, place["h"])
    others = {"type": "dashboards", "title": "Chatkeep", "tags": ["chatkeep"], "asDropdown": True, "includeVars": False, "keepTime": True}
    return {
        "uid": uid,
        "title": title,
        "description": tells,
        "tags": ["chatkeep"],
        "schemaVersion": 39,
        "editable": True,
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "links": [others],
        "templating": {"list": variables},
        "panels": panels,
    }
