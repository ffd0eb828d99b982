"""Is everything archived, and how far is what is not?"""

from grafana import bars, dashboard, datasource, lines, number, query, row, table, values

CONNECTOR = 'chatkeep_connector_id=~"$connector"'
# Every control shows what is in the ledger: several of them say the same.
OF_CONNECTOR = "max by (chatkeep_connector_id, chatkeep_outcome)"


def of_run(metric, outcomes):
    """A number of the newest runs, whose outcomes exclude each other."""
    return f'sum(max by (chatkeep_connector_id) (chatkeep_run_{metric}{{{CONNECTOR}, chatkeep_outcome=~"{outcomes}"}}))'


def difference(metric, whole):
    """What an equation lacks, by connector: nothing while the run goes on."""
    runs = f"chatkeep_run_{metric}"
    return (
        f'max by (chatkeep_connector_id) ({runs}{{{CONNECTOR}, chatkeep_outcome="{whole}"}}) - '
        f"sum by (chatkeep_connector_id) ({OF_CONNECTOR} "
        f'({runs}{{{CONNECTOR}, chatkeep_outcome!~"{whole}|done"}}))'
    )


def in_state(states):
    """How many connectors' newest runs are in one of these states."""
    return (
        "sum(max by (chatkeep_connector_id, chatkeep_run_state) "
        f'(chatkeep_run_state{{{CONNECTOR}, chatkeep_run_state=~"{states}"}})) or vector(0)'
    )


FUNNEL = [
    query(of_run("records", "read"), "records read"),
    query(of_run("records", "rendered"), "records rendered"),
    query(f"sum(max by (chatkeep_connector_id) (chatkeep_run_items{{{CONNECTOR}}}))", "items"),
    query(of_run("deliveries", "planned"), "deliveries planned"),
    query(of_run("deliveries", "imported|done"), "deliveries imported (done)"),
]

DASHBOARD = dashboard(
    "chatkeep-overview",
    "Chatkeep / Overview",
    "The newest run of each connector: what came of it, how fresh the archive is, and what is left to do.",
    [datasource("prometheus", "prometheus"), values("connector", "Connector", "chatkeep_run_number", "chatkeep_connector_id")],
    [
        row("Runs"),
        number("Unreconciled", "Runs one of whose equations does not hold. Any is a loss until it is explained.", query(in_state("unreconciled")), steps=[(None, "green"), (1, "red")], width=4, height=4),
        number("Failed", "Runs that ended without an archive.", query(in_state("failed")), steps=[(None, "green"), (1, "red")], width=4, height=4),
        number("Paused", "Runs that stopped because everything failed for one reason, and wait for somebody.", query(in_state("paused")), steps=[(None, "green"), (1, "orange")], width=4, height=4),
        number("With exceptions", "Runs that closed with quarantined, failed, partially imported or held content.", query(in_state("succeeded with exceptions")), steps=[(None, "green"), (1, "yellow")], width=4, height=4),
        number("Running", "Runs that are under way.", query(in_state("running")), width=4, height=4),
        number("Dead letters", "Messages buried in the time shown. See chatkeep failed RUN.", query("sum(increase(chatkeep_queue_dead_letters_total[$__range])) or vector(0)"), steps=[(None, "green"), (1, "red")], width=4, height=4),
        bars("Funnel of the newest runs", "From records to mailboxes. While a run goes on it has no renderings yet, and imported counts what is done.", FUNNEL, width=12),
        table(
            "Newest runs",
            "The state that each is in.",
            [query(f"max by (chatkeep_connector_id, chatkeep_run_state) (chatkeep_run_state{{{CONNECTOR}}}) * on (chatkeep_connector_id) group_left () max by (chatkeep_connector_id) (chatkeep_run_number)", instant=True)],
            width=12,
        ),
        row("Balance"),
        number("Records that are missing", "Equation 1: read less rendered, duplicates, excluded, quarantined, open. Always 0.", query(difference("records", "read"), "{{chatkeep_connector_id}}"), steps=[(None, "red"), (0, "green"), (1, "red")], width=6, height=5),
        number("Deliveries that are missing", "Equation 2: planned less imported, partially imported, skipped, failed, held. Always 0.", query(difference("deliveries", "planned"), "{{chatkeep_connector_id}}"), steps=[(None, "red"), (0, "green"), (1, "red")], width=6, height=5),
        bars("Records that are not in items", "Of the newest runs.", [query(f'sum by (chatkeep_outcome) ({OF_CONNECTOR} (chatkeep_run_records{{{CONNECTOR}, chatkeep_outcome=~"duplicates|excluded|quarantined|open"}}))', "{{chatkeep_outcome}}")], width=6, height=5),
        bars("Deliveries that are not in mailboxes", "Of the newest runs.", [query(f'sum by (chatkeep_outcome) ({OF_CONNECTOR} (chatkeep_run_deliveries{{{CONNECTOR}, chatkeep_outcome=~"partially imported|skipped|failed|held"}}))', "{{chatkeep_outcome}}")], width=6, height=5),
        lines("Failed and not retried", "Deliveries of all runs that failed or were imported in part. See chatkeep retry RUN.", [query(f"max by (chatkeep_connector_id, chatkeep_outcome) (chatkeep_failed_deliveries{{{CONNECTOR}}})", "{{chatkeep_connector_id}} {{chatkeep_outcome}}")], width=8, height=5),
        lines("Held", "Deliveries of all runs that wait for a mailbox.", [query(f"max by (chatkeep_connector_id) (chatkeep_held_deliveries{{{CONNECTOR}}})", "{{chatkeep_connector_id}}")], width=8, height=5),
        lines("Held for", "The oldest of them. After hold_for they fail.", [query(f"time() - min by (chatkeep_connector_id) (chatkeep_held_since{{{CONNECTOR}}})", "{{chatkeep_connector_id}}")], "s", width=8, height=5),
        row("Freshness and backlog"),
        lines("Behind", "Time since the end of what scheduled runs have covered. A daily schedule goes up to a day and some hours.", [query(f"max by (chatkeep_connector_id) (chatkeep_schedule_lag{{{CONNECTOR}}})", "{{chatkeep_connector_id}}")], "s"),
        lines("Since the last run closed", "Manual runs included.", [query(f"time() - max by (chatkeep_connector_id) (chatkeep_run_closed{{{CONNECTOR}}})", "{{chatkeep_connector_id}}")], "s"),
        lines("How long runs have been going on", "Of those that are not closed.", [query(f'(time() - max by (chatkeep_connector_id) (chatkeep_run_opened{{{CONNECTOR}}})) and on (chatkeep_connector_id) (chatkeep_run_state{{chatkeep_run_state="running"}} == 1)', "{{chatkeep_connector_id}}")], "s"),
        lines("Open tasks", "What there is to scale for.", [query("max by (chatkeep_stage) (chatkeep_tasks_open)", "{{chatkeep_stage}}")], stacked=True),
        lines("Oldest open task", "For how long each stage's oldest task could have been worked on.", [query("max by (chatkeep_stage) (chatkeep_tasks_oldest)", "{{chatkeep_stage}}")], "s"),
        lines("Deliveries to go", "Planned and not done, of runs that go on.", [query(f'max by (chatkeep_connector_id) (chatkeep_run_deliveries{{{CONNECTOR}, chatkeep_outcome="planned"}}) - on (chatkeep_connector_id) max by (chatkeep_connector_id) (chatkeep_run_deliveries{{{CONNECTOR}, chatkeep_outcome="done"}})', "{{chatkeep_connector_id}}")]),
        lines("Deliveries settled", "By all importers.", [query(f"sum by (chatkeep_outcome) (rate(chatkeep_target_deliveries_total{{{CONNECTOR}}}[$__rate_interval]))", "{{chatkeep_outcome}}")], "ops"),
        row("System"),
        lines("Waiting for what is down", "For how long the processes of a stage, or control, have been waiting; 0 while they work.", [query("max by (chatkeep_stage) (chatkeep_stage_waiting_seconds)", "{{chatkeep_stage}}")], "s"),
        lines("Processes", "That are scraped, by program.", [query("count by (service_name) (target_info)", "{{service_name}}")]),
        lines("Spans lost", "That ended and reached no collector. Nothing else is affected.", [query("sum by (error_type) (rate(chatkeep_telemetry_spans_lost_total[$__rate_interval]))", "{{error_type}}")], "ops"),
        lines("Blobs deleted", "By the janitor, since the ledger was made.", [query("max by (chatkeep_outcome) (chatkeep_janitor_deleted)", "{{chatkeep_outcome}}")]),
    ],
)
