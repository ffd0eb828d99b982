use std::collections::BTreeMap;

use chatkeep_model::{
    Participant,
    connector::{Connector, ConnectorError},
};
use chatkeep_proto::v1::Excluded;
use globset::GlobMatcher;

/// The connector's named rules that leave records out.
#[derive(Debug)]
pub(crate) struct Rules(Vec<(String, GlobMatcher)>);

impl Rules {
    pub(crate) fn of(connector: &Connector) -> Result<Self, ConnectorError> {
        let rules = connector.exclude.iter();
        let compiled = rules.map(|rule| Ok((rule.name.clone(), rule.matcher()?)));
        compiled.collect::<Result<_, _>>().map(Self)
    }

    /// The rule that leaves out what this address sends.
    pub(crate) fn of_sender(&self, address: &str) -> Option<&str> {
        let rule = self
            .0
            .iter()
            .find(|(_, matcher)| matcher.is_match(address))?;
        Some(&rule.0)
    }

    /// The rule that leaves a whole conversation out: without the addresses that match, fewer than two
    /// would be in it. The first rule that matches anybody names it.
    pub(crate) fn of_conversation(&self, participants: &[Participant]) -> Option<&str> {
        let left = participants
            .iter()
            .filter(|one| self.of_sender(&one.address).is_none());
        if left.count() >= 2 {
            return None;
        }
        participants
            .iter()
            .find_map(|one| self.of_sender(&one.address))
    }
}

/// Records left out, counted by rule.
#[derive(Debug, Default)]
pub(crate) struct ExcludedCounts(BTreeMap<String, u64>);

impl ExcludedCounts {
    pub(crate) fn add(&mut self, rule: &str) {
        if let Some(count) = self.0.get_mut(rule) {
            *count += 1;
        } else {
            self.0.insert(rule.to_owned(), 1);
        }
    }

    pub(crate) fn add_all(&mut self, other: Self) {
        for (rule, count) in other.0 {
            *self.0.entry(rule).or_default() += count;
        }
    }

    pub(crate) fn into_messages(self) -> Vec<Excluded> {
        let counts = self.0.into_iter();
        counts
            .map(|(rule, records)| Excluded { rule, records })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn participants(addresses: &[&str]) -> Vec<Participant> {
        let participant = |address: &&str| Participant {
            address: (*address).to_owned(),
            ..Participant::default()
        };
        addresses.iter().map(participant).collect()
    }

    #[test]
    fn a_conversation_is_left_out_when_fewer_than_two_remain() {
        let text = "name = 'a'\ndomain = 'b.c'\n[[sources]]\ntype = 'archiving-export'\npath = 'x'\n\
                    [[exclude]]\nname = 'bots'\naddress = '*@apps.b.c'\n\
                    [directory]\ntype = 'csv'\npath = 'd.csv'\n[target]\ntype = 'discard'\n";
        let connector = Connector::parse(text, std::path::Path::new("/")).unwrap();
        let rules = Rules::of(&connector).unwrap();
        let of = |addresses: &[&str]| rules.of_conversation(&participants(addresses));

        assert_eq!(of(&["ann@b.c", "bot@apps.b.c"]), Some("bots"));
        assert_eq!(of(&["ann@b.c", "bob@b.c", "bot@apps.b.c"]), None);
        assert_eq!(of(&["ann@b.c"]), None);
    }
}
