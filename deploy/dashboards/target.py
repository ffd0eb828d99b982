"""Do the mailboxes take what they are sent, and how fast?"""

from grafana import bars, dashboard, datasource, lines, query, row, values

ALL = 'chatkeep_connector_id=~"$connector", chatkeep_target=~"$target"'
DELIVERIES = f"chatkeep_target_deliveries_total{{{ALL}}}"
OF_TARGET = "chatkeep_connector_id, chatkeep_target"
NAME = "{{chatkeep_connector_id}} {{chatkeep_target}}"
PUT_OFF = f'chatkeep_target_deliveries_total{{{ALL}, chatkeep_outcome="waiting"}}'

DASHBOARD = dashboard(
    "chatkeep-target",
    "Chatkeep / Target",
    "Import into mailboxes: pace, refusals, and mailboxes that ask to be left alone.",
    [
        datasource("prometheus", "prometheus"),
        values("connector", "Connector", "chatkeep_target_deliveries_total", "chatkeep_connector_id"),
        values("target", "Target", "chatkeep_target_deliveries_total", "chatkeep_target"),
    ],
    [
        row("Pace"),
        lines("Deliveries settled", "An item in a mailbox is a delivery. Waiting: put off, and tried again.", [query(f"sum by (chatkeep_outcome) (rate({DELIVERIES}[$__rate_interval]))", "{{chatkeep_outcome}}")], "ops", stacked=True),
        lines("Imported", "By connector and kind of target.", [query(f'sum by ({OF_TARGET}) (rate(chatkeep_target_deliveries_total{{{ALL}, chatkeep_outcome="imported"}}[$__rate_interval]))', NAME)], "ops"),
        bars("Newest run", "Done of what is planned; nothing when it is closed.", [query('max by (chatkeep_connector_id) (chatkeep_run_deliveries{chatkeep_connector_id=~"$connector", chatkeep_outcome="done"}) / on (chatkeep_connector_id) max by (chatkeep_connector_id) (chatkeep_run_deliveries{chatkeep_connector_id=~"$connector", chatkeep_outcome="planned"})', "{{chatkeep_connector_id}}")], "percentunit"),
        row("Throttling"),
        lines("Mailboxes left alone", "How often a mailbox took nothing for a while: throttled, in use, or unavailable.", [query(f"sum by ({OF_TARGET}) (rate(chatkeep_target_pause_seconds_count{{{ALL}}}[$__rate_interval]))", NAME)], "ops"),
        lines("For how long", "What was asked for, or what we wait by ourselves.", [query(f"histogram_quantile({q}, sum by (le, {OF_TARGET}) (rate(chatkeep_target_pause_seconds_bucket{{{ALL}}}[$__rate_interval])))", f"{NAME} p{q * 100:g}") for q in (0.5, 0.95)], "s"),
        lines("Put off", "Share of deliveries that a hold of a shard had to leave. High for long: more processes will not help, the target decides.", [query(f"sum by ({OF_TARGET}) (rate({PUT_OFF}[$__rate_interval])) / sum by ({OF_TARGET}) (rate({DELIVERIES}[$__rate_interval]))", NAME)], "percentunit"),
        row("Refusals"),
        lines("Failed, by reason", "Listed by chatkeep failed RUN.", [query(f'sum by (chatkeep_target, error_type) (rate(chatkeep_target_deliveries_total{{{ALL}, chatkeep_outcome=~"failed|partially imported"}}[$__rate_interval]))', "{{chatkeep_target}}: {{error_type}}")], "ops", width=12),
        lines("Skipped", "In the mailbox before, and not put there by this run.", [query(f'sum by ({OF_TARGET}) (rate(chatkeep_target_deliveries_total{{{ALL}, chatkeep_outcome="skipped"}}[$__rate_interval]))', NAME)], "ops", width=12),
        row("Shards"),
        lines("Shards open and held", "At most 64 of a target at a time.", [query('max(chatkeep_tasks_open{chatkeep_stage="mailbox-import"})', "open"), query('sum(chatkeep_task_in_flight{chatkeep_stage="mailbox-import"})', "held")]),
        lines("How long shards are held", "At most five minutes.", [query(f'histogram_quantile({q}, sum by (le) (rate(chatkeep_task_duration_seconds_bucket{{chatkeep_task_kind="import"}}[$__rate_interval])))', f"p{q * 100:g}") for q in (0.5, 0.95)], "s"),
        lines("Journal", "Writing ahead, as importers see it: what a slow database costs them.", [query(f'histogram_quantile({q}, sum by (le) (rate(rpc_client_call_duration_seconds_bucket{{rpc_method="chatkeep.v1.Ledger/Journal"}}[$__rate_interval])))', f"p{q * 100:g}") for q in (0.5, 0.95)], "s"),
    ],
)
