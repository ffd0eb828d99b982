"""Where did the time of a task, a run or a call go?"""

from grafana import dashboard, datasource, found, row, text, trace, values

NEEDED = '{ resource.service.namespace = "chatkeep"'

DASHBOARD = dashboard(
    "chatkeep-traces",
    "Chatkeep / Traces",
    "Slow and failed work, one run, one task, one trace, from Tempo. What a run's spans are: telemetry.md.",
    [
        datasource("prometheus", "prometheus"),
        datasource("tempo", "tempo"),
        values("stage", "Stage", "chatkeep_tasks_open", "chatkeep_stage"),
        text("slower", "Slower than", "5s"),
        text("run", "Run (its id)", "1"),
        text("task", "Task (its id)"),
        text("trace", "Trace (its id)"),
    ],
    [
        row("Slow and failed"),
        found("Slow tasks", "Tasks that took longer than that.", f'{NEEDED} && resource.service.name =~ "$stage" && kind = consumer && duration > $slower }} | select(span.chatkeep.run.id, span.chatkeep.task.id, span.chatkeep.task.kind)', width=12),
        found("Given up", "Tasks that control takes apart, and calls that failed.", f"{NEEDED} && status = error }} | select(span.chatkeep.task.id, span.chatkeep.task.outcome, span.rpc.response.status_code)", width=12),
        found("Tried again", "Attempts after the first; each begins a trace that is linked to the one it was published in.", f"{NEEDED} && span.chatkeep.task.attempt > 0 }} | select(span.chatkeep.run.id, span.chatkeep.task.id, span.chatkeep.task.attempt)", width=12),
        found("Slow calls", "Of the ledger, as its callers see them.", f'{NEEDED} && kind = client && span.rpc.system.name = "grpc" && duration > $slower }} | select(span.rpc.method, span.rpc.response.status_code)', width=12),
        row("One run, one task, one trace"),
        found("Tasks of the run", "In the order they were found; each leads to its trace.", f"{NEEDED} && span.chatkeep.run.id = $run && kind = consumer }} | select(span.chatkeep.task.kind, span.chatkeep.task.id, span.chatkeep.task.outcome)", width=12),
        found("Attempts at the task", "All that was tried.", f'{NEEDED} && span.chatkeep.task.id = "$task" }} | select(span.chatkeep.task.attempt, span.chatkeep.task.outcome)', width=12),
        trace("The trace", "From ingestion to mailbox, with the waits in queues between publish and process.", "trace", width=24, height=16),
    ],
)
