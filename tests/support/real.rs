//! Databases on the SQL Server that `CHATKEEP_TEST_MSSQL` names (`tds://user:password@host:port/`): made for
//! one test, and removed with it.

use std::{
    collections::BTreeSet,
    process,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use chatkeep_testkit::SqlServer;
use tokio::runtime::Runtime;

/// Takes every table away.
const EMPTY: &str = "DECLARE @drop nvarchar(max) = N''; \
    SELECT @drop += N'DROP TABLE dbo.' + QUOTENAME(name) + N';' FROM sys.tables; \
    EXEC sp_executesql @drop;";

/// A real server, and what was made on it.
pub(crate) struct Real {
    pub(crate) server: SqlServer,
    prefix: String,
    made: Mutex<BTreeSet<String>>,
    runtime: Runtime,
}

impl Real {
    /// `None` where no server is named.
    pub(crate) fn named() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        #[expect(clippy::disallowed_methods, reason = "tests have no Settings")]
        let url = std::env::var("CHATKEEP_TEST_MSSQL").ok()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Some(Self {
            server: SqlServer::at(&url).expect("tds://user:password@host:port/"),
            prefix: format!("chatkeep_test_{}_{number}_", process::id()),
            made: Mutex::default(),
            runtime: Runtime::new().unwrap(),
        })
    }

    /// What the server calls a database.
    pub(crate) fn name(&self, database: &str) -> String {
        format!("{}{database}", self.prefix)
    }

    /// Runs a script in a database; makes the database, if it is not there yet.
    pub(crate) fn run(&self, database: &str, script: &str) {
        let name = self.name(database);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = made.insert(name.clone());
        let running = async {
            if is_new {
                self.server.make_database(&name).await?;
            }
            self.server.run(&name, script).await
        };
        self.runtime.block_on(running).unwrap();
    }

    /// Lets a database have what a script makes, and nothing else.
    pub(crate) fn refill(&self, database: &str, script: &str) {
        self.run(database, EMPTY);
        self.run(database, script);
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let made = self.made.get_mut().unwrap_or_else(PoisonError::into_inner);
        for name in made.iter() {
            let removed = self.server.remove_database(name);
            // One that could not be made need not be removed.
            drop(self.runtime.block_on(removed));
        }
    }
}
