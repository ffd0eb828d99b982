//! Refreshes one after another, each in a run of its own, with what the ledger keeps of the last one.

use chatkeep_proto::v1::{
    Blob, Mirror, Placement, Refreshed, Run, Task, TaskKind, complete_request::Result as TaskResult,
};

use crate::world::{World, task};

pub(crate) struct Refreshing {
    pub(crate) world: World,
    run: i64,
}

impl Refreshing {
    pub(crate) fn start() -> Self {
        Self {
            world: World::start("", ""),
            run: 0,
        }
    }

    /// Reads the directory of this connector file again; `Err` has the reason why not.
    pub(crate) async fn refresh(&mut self, connector_file: String) -> Result<Refreshed, String> {
        self.run += 1;
        let mirror = self.world.ledger.0.run.lock().unwrap().mirror.take();
        *self.world.ledger.0.run.lock().unwrap() = Run {
            id: self.run,
            connector_file,
            mirror,
            ..Run::default()
        };
        let refresh = Task {
            run: self.run,
            ..task(TaskKind::Refresh)
        };
        let completed = self.world.work(refresh).await;
        let completed = completed.map_err(|failed| failed.reason)?;
        let TaskResult::Refreshed(refreshed) = completed.result.unwrap() else {
            panic!("not refreshed");
        };
        let mut run = self.world.ledger.0.run.lock().unwrap();
        run.directory.clone_from(&refreshed.directory);
        run.custom_mapping.clone_from(&refreshed.custom_mapping);
        run.mirror.clone_from(&refreshed.mirror);
        Ok(refreshed)
    }

    /// Where an address leads under the last refresh: a mailbox, or the placement.
    pub(crate) async fn place(&self, address: &str) -> String {
        let plan = Task {
            run: self.run,
            input: Some(self.world.index(&[&[address]]).await),
            ..task(TaskKind::Plan)
        };
        let completed = self.world.work(plan).await.unwrap();
        let TaskResult::Planned(planned) = completed.result.unwrap() else {
            panic!("not planned");
        };
        let row = planned.rows.first().unwrap();
        match row.placement() {
            Placement::Mapped => row.mailbox.clone(),
            other => other.as_str_name().to_owned(),
        }
    }

    /// Puts other users into the mirror of the last refresh; `None` loses it, as a janitor does.
    pub(crate) fn replace_mirror(&self, users: Option<Blob>) {
        let mut run = self.world.ledger.0.run.lock().unwrap();
        let mirror = run.mirror.take();
        run.mirror = mirror
            .filter(|_| users.is_some())
            .map(|mirror| Mirror { users, ..mirror });
    }
}
