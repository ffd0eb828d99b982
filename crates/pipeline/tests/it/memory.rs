use chatkeep_pipeline::MemoryQueue;

crate::contract::contract!(
    tokio::test(start_paused = true),
    (MemoryQueue::default(), ())
);
