use chatkeep_model::connector::Connector;

use super::settings::SmtpSettings;

/// Whether a connector's reports could be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportCheck {
    /// Nobody gets one.
    NotAsked,
    /// The server was reached, and let us in.
    Ready {
        /// How many get one.
        recipients: usize,
        /// Host and port.
        server: String,
    },
    /// They could not.
    Problem(String),
}

/// Connects to the server of reports, if the connector asks for any. Sends nothing.
pub async fn check_report(connector: &Connector, smtp: Option<&SmtpSettings>) -> ReportCheck {
    if !connector.report.is_asked() {
        return ReportCheck::NotAsked;
    }
    let Some(settings) = smtp else {
        let problem = "report.to names recipients, and no server takes mail: control's settings have no \
            section smtp";
        return ReportCheck::Problem(problem.to_owned());
    };
    match try_out(settings).await {
        Ok(()) => ReportCheck::Ready {
            recipients: connector.report.to.len(),
            server: format!("{}:{}", settings.host, settings.port()),
        },
        Err(problem) => ReportCheck::Problem(problem),
    }
}

#[cfg(feature = "mail")]
async fn try_out(settings: &SmtpSettings) -> Result<(), String> {
    let smtp = super::smtp::Smtp::new(settings).map_err(|error| error.to_string())?;
    let tried = smtp.try_out().await;
    tried.map_err(|error| format!("{}:{}: {error}", settings.host, settings.port()))
}

#[cfg(not(feature = "mail"))]
#[expect(clippy::unused_async, reason = "with the feature it waits")]
async fn try_out(_settings: &SmtpSettings) -> Result<(), String> {
    Err(super::SmtpError::Absent.to_string())
}
