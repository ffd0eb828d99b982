use std::{fmt, sync::Arc};

use super::{Answer, Database, Request};

/// Several databases of one server, by their names.
pub struct Several(Vec<(String, Arc<dyn Database>)>);

impl Several {
    /// These databases. A statement goes to the one of its connection, whatever case its name is written
    /// in.
    pub fn of<const N: usize>(databases: [(&str, Arc<dyn Database>); N]) -> Self {
        let databases = databases.into_iter();
        Self(
            databases
                .map(|(name, database)| (name.to_owned(), database))
                .collect(),
        )
    }
}

impl Database for Several {
    fn answer(&self, request: &Request<'_>) -> Answer {
        let mut databases = self.0.iter();
        let found = databases.find(|(name, _)| name.eq_ignore_ascii_case(request.database));
        match found {
            Some((_, database)) => database.answer(request),
            None => Answer::Error {
                number: 911,
                class: 16,
                message: "Database does not exist.".to_owned(),
            },
        }
    }
}

impl fmt::Debug for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}
