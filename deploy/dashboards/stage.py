"""How is a stage doing, and would more processes of it help?"""

from grafana import dashboard, datasource, heat, lines, query, row, values

STAGE = 'chatkeep_stage=~"$stage"'
TASKS = f"chatkeep_task_ended_total{{{STAGE}}}"


def rate(metric, by):
    """Per second, by labels."""
    return f"sum by ({by}) (rate({metric}[$__rate_interval]))"


def quantiles(metric, by=""):
    """The half, and the slowest, of what a histogram counts."""
    labels = f"le, {by}" if by else "le"
    legend = f"{{{{{by}}}}} " if by else ""
    return [query(f"histogram_quantile({q}, sum by ({labels}) (rate({metric}[$__rate_interval])))", f"{legend}p{q * 100:g}") for q in (0.5, 0.95)]


DASHBOARD = dashboard(
    "chatkeep-stage",
    "Chatkeep / Stage",
    "Rate, errors and duration of the tasks of a stage, what waits for it, and who works on it.",
    [datasource("prometheus", "prometheus"), values("stage", "Stage", "chatkeep_tasks_open", "chatkeep_stage")],
    [
        row("Rate, errors, duration"),
        lines("Tasks ended", "A task is a batch of conversations, a range of files, or a shard of mailboxes.", [query(rate(TASKS, "chatkeep_stage, chatkeep_task_kind"), "{{chatkeep_stage}} {{chatkeep_task_kind}}")], "ops", stacked=True),
        lines("How they ended", "Retried and given up are errors; returned and superseded are not.", [query(rate(TASKS, "chatkeep_task_outcome"), "{{chatkeep_task_outcome}}")], "ops", stacked=True),
        lines(
            "Errors",
            "Share of tasks that were retried or given up.",
            [query(f'(sum by (chatkeep_stage) (rate(chatkeep_task_ended_total{{{STAGE}, chatkeep_task_outcome=~"retried|given up"}}[$__rate_interval])) or sum by (chatkeep_stage) (rate({TASKS}[$__rate_interval])) * 0) / sum by (chatkeep_stage) (rate({TASKS}[$__rate_interval]))', "{{chatkeep_stage}}")],
            "percentunit",
        ),
        lines("Duration", "From receipt to end.", quantiles(f"chatkeep_task_duration_seconds_bucket{{{STAGE}}}", "chatkeep_task_kind"), "s", width=12),
        heat("Durations", "Tasks by how long they took.", f"sum by (le) (increase(chatkeep_task_duration_seconds_bucket{{{STAGE}}}[$__rate_interval]))", width=12),
        row("Queue and scaling"),
        lines("Queue wait", "From publication to receipt, first attempts only. Rises when a stage needs more processes.", quantiles(f"chatkeep_queue_wait_seconds_bucket{{{STAGE}}}", "chatkeep_stage"), "s"),
        lines("Open and in flight", "Open in the ledger, and worked on. More processes help while open stays above in flight.", [query(f"max by (chatkeep_stage) (chatkeep_tasks_open{{{STAGE}}})", "{{chatkeep_stage}} open"), query(f"sum by (chatkeep_stage) (chatkeep_task_in_flight{{{STAGE}}})", "{{chatkeep_stage}} in flight")]),
        lines("Processes", "Of the stage, as far as they are scraped.", [query(f"count by (chatkeep_stage) (chatkeep_stage_waiting_seconds{{{STAGE}}})", "{{chatkeep_stage}}")]),
        row("Trouble"),
        lines("Retries by reason", "Static words; content never is in them.", [query(rate(f'chatkeep_task_ended_total{{{STAGE}, chatkeep_task_outcome=~"retried|given up"}}', "chatkeep_stage, error_type"), "{{chatkeep_stage}}: {{error_type}}")], "ops"),
        lines("Dead letters", "Buried, by reason.", [query(f"sum by (chatkeep_stage, error_type) (chatkeep_queue_dead_letters_total{{{STAGE}}})", "{{chatkeep_stage}}: {{error_type}}")]),
        lines("Waiting for what is down", "0 while the stage works.", [query(f"max by (chatkeep_stage) (chatkeep_stage_waiting_seconds{{{STAGE}}})", "{{chatkeep_stage}}")], "s"),
        row("Calls of the ledger"),
        lines("Calls", "That control answered.", [query("sum by (rpc_method) (rate(rpc_server_call_duration_seconds_count[$__rate_interval]))", "{{rpc_method}}")], "ops"),
        lines("Slowest calls", "As their callers see them.", [query("histogram_quantile(0.95, sum by (le, rpc_method) (rate(rpc_client_call_duration_seconds_bucket[$__rate_interval])))", "{{rpc_method}}")], "s"),
        lines("Calls that failed", "By what was answered.", [query('sum by (rpc_method, rpc_response_status_code) (rate(rpc_client_call_duration_seconds_count{rpc_response_status_code!="OK"}[$__rate_interval]))', "{{rpc_method}} {{rpc_response_status_code}}")], "ops"),
    ],
)
