//! What is wrong with what was entered, and where.

use std::path::Path;

use chatkeep_model::connector::{Connector, ConnectorError};

/// Problems by the name of their field; those of no field have an empty one.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<(String, String)>);

impl Problems {
    pub(super) fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push((field.into(), problem.into()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problem of a field.
    pub(super) fn of(&self, field: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == field);
        found.map(|(_, problem)| problem.as_str())
    }

    /// Every one, in the order in which they were found.
    pub(super) fn all(&self) -> &[(String, String)] {
        &self.0
    }

    /// Adds what the model says about a connector file, unless something was found before: that is said
    /// better.
    pub(super) fn check(&mut self, file: &str) {
        if !self.is_empty() {
            return;
        }
        match Connector::parse(file, Path::new("/")) {
            Ok(_) => {}
            Err(ConnectorError::Invalid { key, problem }) => self.add(key, sentence(&problem)),
            Err(ConnectorError::Syntax { problem, .. }) => self.add("", sentence(&problem)),
            Err(error) => self.add("", sentence(&error.to_string())),
        }
    }
}

/// The model's words begin in the middle of a sentence whose subject is the key.
pub(super) fn sentence(problem: &str) -> String {
    let problem = problem.trim().trim_end_matches('.');
    let mut letters = problem.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
