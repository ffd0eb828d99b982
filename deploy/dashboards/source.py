"""Is everything read before its source forgets it?"""

from grafana import bars, dashboard, datasource, lines, number, query, row, table, values

CONNECTOR = 'chatkeep_connector_id=~"$connector"'
INGESTION = 'chatkeep_stage="ingestion"'

DASHBOARD = dashboard(
    "chatkeep-source",
    "Chatkeep / Source",
    "How far behind the sources the archive is, and how long what was not read yet is safe.",
    [datasource("prometheus", "prometheus"), values("connector", "Connector", "chatkeep_run_number", "chatkeep_connector_id")],
    [
        row("Lag and horizon"),
        lines("Behind", "Time since the end of what scheduled runs have covered.", [query(f"max by (chatkeep_connector_id) (chatkeep_schedule_lag{{{CONNECTOR}}})", "{{chatkeep_connector_id}}")], "s"),
        lines("Next run", "Time until it is due; below zero it is overdue.", [query(f"max by (chatkeep_connector_id) (chatkeep_schedule_due{{{CONNECTOR}}}) - time()", "{{chatkeep_connector_id}}")], "s"),
        lines("Horizon", "Time until a server purges rows that were not read yet, of databases with retention. Below its margin it is near; at 0 rows may be lost.", [query(f"min by (chatkeep_connector_id, chatkeep_source_database) (chatkeep_source_horizon{{{CONNECTOR}}})", "{{chatkeep_source_database}}"), query(f"max by (chatkeep_connector_id, chatkeep_source_database) (chatkeep_source_margin{{{CONNECTOR}}})", "{{chatkeep_source_database}}, margin")], "s"),
        number("Nearest horizon", "Of all databases.", query(f"min(chatkeep_source_horizon{{{CONNECTOR}}})"), "s", steps=[(None, "red"), (259200, "orange"), (604800, "green")], width=8, height=5),
        table("Findings", "Of the newest run, by kind: what to do stands in operations.md.", [query(f"max by (chatkeep_connector_id, chatkeep_finding) (chatkeep_run_findings{{{CONNECTOR}}})", instant=True)], width=16, height=5),
        row("Newest run"),
        bars("Records", "Where they went.", [query(f"sum by (chatkeep_outcome) (max by (chatkeep_connector_id, chatkeep_outcome) (chatkeep_run_records{{{CONNECTOR}}}))", "{{chatkeep_outcome}}")]),
        lines("Records read", "While a run goes on.", [query(f'max by (chatkeep_connector_id) (chatkeep_run_records{{{CONNECTOR}, chatkeep_outcome="read"}})', "{{chatkeep_connector_id}}")]),
        lines("Kept aside", "Unreadable, or of a day that is not over.", [query(f'sum by (chatkeep_outcome) (max by (chatkeep_connector_id, chatkeep_outcome) (chatkeep_run_records{{{CONNECTOR}, chatkeep_outcome=~"quarantined|open"}}))', "{{chatkeep_outcome}}")]),
        row("Reading"),
        lines("Tasks", "Listing, capturing, assembling.", [query(f"sum by (chatkeep_task_kind) (rate(chatkeep_task_ended_total{{{INGESTION}}}[$__rate_interval]))", "{{chatkeep_task_kind}}")], "ops"),
        lines("How long they take", "The slowest twentieth.", [query(f"histogram_quantile(0.95, sum by (le, chatkeep_task_kind) (rate(chatkeep_task_duration_seconds_bucket{{{INGESTION}}}[$__rate_interval])))", "{{chatkeep_task_kind}}")], "s"),
        lines("Waiting for a source", "For how long ingestion has been waiting for a server or a folder; 0 while it reads.", [query(f"max(chatkeep_stage_waiting_seconds{{{INGESTION}}})", "ingestion")], "s"),
    ],
)
