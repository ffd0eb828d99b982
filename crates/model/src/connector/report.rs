use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::address::is_mailable;

/// Who gets a mail about the connector's runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportOptions {
    /// Addresses; nobody where there are none.
    pub to: Vec<String>,
    /// About which runs.
    pub when: ReportWhen,
}

/// About which runs a mail is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReportWhen {
    /// About each.
    #[default]
    #[serde(rename = "each run")]
    EachRun,
    /// About those with something that somebody should look at.
    #[serde(rename = "problems only")]
    ProblemsOnly,
}

impl ReportOptions {
    /// Whether anybody gets one.
    pub fn is_asked(&self) -> bool {
        !self.to.is_empty()
    }

    /// Whether nobody gets one: then the file need not say so.
    pub(super) fn is_off(&self) -> bool {
        !self.is_asked()
    }

    /// What is wrong with it.
    pub(super) fn problem(&self) -> Option<&'static str> {
        // Mail servers without SMTPUTF8 refuse others.
        let is_address = |to: &String| is_mailable(to) && to.is_ascii() && to.len() <= 254;
        if !self.to.iter().all(is_address) {
            return Some("has an entry that is not a mail address of ASCII letters");
        }
        let different: BTreeSet<_> = self.to.iter().map(|to| to.to_lowercase()).collect();
        (different.len() < self.to.len()).then_some("names one address twice")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(addresses: &[&str]) -> ReportOptions {
        ReportOptions {
            to: addresses.iter().map(|&to| to.to_owned()).collect(),
            when: ReportWhen::default(),
        }
    }

    #[test]
    fn what_no_server_could_take_is_refused_before_the_first_run() {
        let lines = "ann@contoso.com\r\nBcc: eve@contoso.com";

        for wrong in [
            "ann",
            "ann@",
            lines,
            "Ann <ann@contoso.com>",
            "jörg@contoso.com",
        ] {
            assert!(to(&[wrong]).problem().is_some(), "{wrong}");
        }
        assert_eq!(to(&["ann@contoso.com", "bob@contoso.com"]).problem(), None);
        assert!(
            to(&["ann@contoso.com", "Ann@contoso.com"])
                .problem()
                .is_some()
        );
    }

    #[test]
    fn a_report_goes_out_after_each_run_unless_the_file_says_otherwise() {
        let read = |text: &str| toml::from_str::<ReportOptions>(text);

        let plain = read("to = [\"ann@contoso.com\"]").unwrap();
        let quiet = read("to = [\"ann@contoso.com\"]\nwhen = \"problems only\"").unwrap();

        assert_eq!(plain.when, ReportWhen::EachRun);
        assert_eq!(quiet.when, ReportWhen::ProblemsOnly);
        assert!(read("when = \"never\"").is_err());
    }
}
