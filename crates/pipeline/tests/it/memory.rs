use chatkeep_pipeline::MemoryQueue;

async fn empty() -> (MemoryQueue, ()) {
    (MemoryQueue::default(), ())
}

crate::contract::contract!(tokio::test(start_paused = true), empty());
