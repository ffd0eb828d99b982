//! `chatkeep check --tenant-canary`: what only a real tenant can tell.

use std::process::ExitCode;

use anyhow::Context as _;
use chatkeep_mailbox_import::{Verdict, tenant_canary};
use chatkeep_mapping::{TenantProbe, tenant_probe};
use chatkeep_report::number;

use crate::{lent::Lent, output::Output, place::Place, settings::Settings};

/// Puts synthetic items into a mailbox, looks at them, and removes them again.
pub(crate) async fn run(place: &Place, mailbox: &str, output: &Output) -> anyhow::Result<ExitCode> {
    let Lent { connector, .. } = &Lent::of(place).await?;
    let settings = Settings::load()?.mailbox_import;
    let points = tenant_canary(connector, &settings, mailbox).await;
    let points = points.context("try the tenant")?;
    let mut failed = 0;
    for point in points {
        failed += print(output, point.verdict, &point.text);
    }
    match tenant_probe(connector).await {
        Ok(None) => {}
        Ok(Some(probe)) => {
            for (verdict, text) in directory(probe) {
                failed += print(output, verdict, &text);
            }
        }
        Err(error) => {
            let text = format!("directory: {:#}", anyhow::Error::from(error));
            failed += print(output, Verdict::Failed, &text);
        }
    }
    if failed > 0 {
        output.line(format_args!("\n{failed} failed"));
        return Ok(ExitCode::from(1));
    }
    output.line("\nall passed; \"look\" is for your eyes");
    Ok(ExitCode::SUCCESS)
}

/// Returns 1 for a failure.
fn print(output: &Output, verdict: Verdict, text: &str) -> u32 {
    let word = match verdict {
        Verdict::Passed => "pass",
        Verdict::Failed => "FAIL",
        Verdict::NotTried => "none",
        Verdict::ToLookAt => "look",
    };
    output.line(format_args!("{word}  {text}"));
    u32::from(verdict == Verdict::Failed)
}

fn directory(probe: TenantProbe) -> [(Verdict, String); 2] {
    let users = number(probe.users);
    let page = if probe.is_all {
        format!("directory: all {users} users are on one page, imAddresses among what is told")
    } else {
        format!(
            "directory: {users} users on a page of 999 that were asked for, imAddresses among what is told"
        )
    };
    let (verdict, answer) = match (probe.refusal, probe.is_understood) {
        (Some(status), true) => (Verdict::Passed, status.to_string()),
        (Some(status), false) => (
            Verdict::Failed,
            format!("{status}, after which a refresh fails instead of reading everybody anew"),
        ),
        (None, _) => (Verdict::Failed, "users, as if it were known".to_owned()),
    };
    let token =
        format!("directory: a token of changes that nobody gave out is answered with {answer}");
    [(Verdict::Passed, page), (verdict, token)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_that_a_refresh_does_not_understand_is_a_failure() {
        let verdict = |refusal, is_understood| {
            let probe = TenantProbe {
                users: 200,
                is_all: false,
                refusal,
                is_understood,
            };
            let [(page, text), (token, _)] = directory(probe);
            assert_eq!(page, Verdict::Passed);
            assert!(text.contains("200 users on a page"), "{text}");
            token
        };

        assert_eq!(verdict(Some(410), true), Verdict::Passed);
        assert_eq!(verdict(Some(403), false), Verdict::Failed);
        assert_eq!(verdict(None, false), Verdict::Failed);
    }
}
