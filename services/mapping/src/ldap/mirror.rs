//! What was known after a refresh, for the next one: a frame that says what was read, then a frame per
//! user.

use std::{
    collections::BTreeMap,
    io::{BufReader, Write},
};

use chatkeep_model::connector::LdapDirectory;
use chatkeep_staging::{BlobReader, FrameReader, FrameWriter};
use serde::{Deserialize, Serialize};

use super::problem::LdapProblem;
use crate::directory::User;

/// Everybody by id.
pub(super) type People = BTreeMap<String, Person>;

/// Somebody in the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Person {
    /// `None` for guests, who are known and left out.
    pub(super) user: Option<User>,
    pub(super) is_disabled: bool,
}

/// What users were read from: another base or filter has others.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scope {
    /// Tells this mirror from those of other directories.
    directory: String,
    base: String,
    filter: String,
}

impl Scope {
    pub(super) fn of(settings: &LdapDirectory, filter: &str) -> Self {
        Self {
            directory: "ldap".to_owned(),
            base: settings.base.clone(),
            filter: filter.to_owned(),
        }
    }

    /// Reads a mirror. `None` for one that is gone or damaged, or of something else: then everybody is
    /// read anew. Blocks.
    pub(super) fn read(&self, users: BlobReader) -> Result<Option<People>, LdapProblem> {
        let mut frames = FrameReader::new(BufReader::new(users));
        match self.collect(&mut frames) {
            Ok(people) => Ok(people),
            Err(source) if source.is_outage() => Err(LdapProblem::Known { source }),
            Err(_) => Ok(None),
        }
    }

    fn collect(
        &self,
        frames: &mut FrameReader<BufReader<BlobReader>>,
    ) -> Result<Option<People>, chatkeep_staging::FrameError> {
        if frames.next::<Self>()?.as_ref() != Some(self) {
            return Ok(None);
        }
        let mut people = People::new();
        while let Some((id, person)) = frames.next()? {
            people.insert(id, person);
        }
        Ok(Some(people))
    }

    /// Writes a mirror. Blocks.
    pub(super) fn write<W: Write>(&self, people: &People, mirror: W) -> Result<W, LdapProblem> {
        let failed = |source| LdapProblem::Write { source };
        let mut mirror = FrameWriter::new(mirror);
        mirror.push(self).map_err(failed)?;
        for person in people {
            mirror.push(&person).map_err(failed)?;
        }
        Ok(mirror.into_inner())
    }
}
