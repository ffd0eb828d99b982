//! Requests and answers of Exchange Web Services, in SOAP 1.1.

use std::time::Duration;

use super::{
    failure::{EwsError, Failure},
    xml::{self, Element},
};

/// The oldest schema that has all we ask for. A newer server answers in the same one.
const VERSION: &str = "Exchange2013";

/// A request, with a header that names whose mailbox it is for where the account acts as its owner
/// (`ExchangeImpersonation`, [MS-OXWSCDATA]).
pub(super) fn envelope(owner: Option<&str>, body: &str) -> String {
    let owner = owner.map_or_else(String::new, |owner| {
        format!(
            "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>{}</t:PrimarySmtpAddress>\
             </t:ConnectingSID></t:ExchangeImpersonation>",
            xml::text(owner)
        )
    });
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
         xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">\
         <soap:Header><t:RequestServerVersion Version=\"{VERSION}\"/>{owner}</soap:Header>\
         <soap:Body>{body}</soap:Body></soap:Envelope>"
    )
}

/// One of the messages of an answer: one for each thing that was asked for.
#[derive(Debug)]
pub(super) struct Reply(Element);

impl Reply {
    /// What it holds; an error where it says no.
    pub(super) fn content(&self) -> Result<&Element, Failure> {
        match self.0.attribute("ResponseClass") {
            Some("Success") => Ok(&self.0),
            Some(_) => Err(failure(&self.0)),
            None => Err(Failure::Doubtful(EwsError::Invalid)),
        }
    }
}

/// The messages of an answer; `None` where it is none, an error where the whole request was refused.
pub(super) fn read(body: &[u8]) -> Option<Result<Vec<Reply>, Failure>> {
    let envelope = Element::parse(body)?;
    let content = envelope.child("Body")?.children.first()?;
    if content.name == "Fault" {
        return content.find("ResponseCode").map(|_| Err(failure(content)));
    }
    let messages = content.child("ResponseMessages")?.children.iter();
    Some(Ok(messages.cloned().map(Reply).collect()))
}

/// The reason of a refusal: its code, and how long to stay away where it says so (`BackOffMilliseconds`).
fn failure(refusal: &Element) -> Failure {
    let code = refusal.find("ResponseCode");
    let code = code.map_or("", |code| code.text.trim());
    let after = refusal.find("MessageXml").and_then(|values| {
        let mut values = values.children.iter();
        let named = |value: &&Element| value.attribute("Name") == Some("BackOffMilliseconds");
        values.find(named)?.text.trim().parse().ok()
    });
    Failure::of(code, after.map(Duration::from_millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: &str = r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>
        <faultcode xmlns:a="x">a:ErrorServerBusy</faultcode><faultstring xml:lang="en-US">The server cannot service
        this request right now. Try again later.</faultstring><detail><e:ResponseCode xmlns:e="y">ErrorServerBusy
        </e:ResponseCode><e:Message xmlns:e="y">Try again later.</e:Message><t:MessageXml xmlns:t="z">
        <t:Value Name="BackOffMilliseconds">297749</t:Value></t:MessageXml></detail></s:Fault></s:Body></s:Envelope>"#;

    #[test]
    fn a_busy_server_says_how_long_to_stay_away() {
        let refused = read(BUSY.as_bytes()).unwrap().unwrap_err();

        assert!(
            matches!(refused, Failure::Busy(after) if after == Duration::from_millis(297_749)),
            "{refused:?}"
        );
    }

    #[test]
    fn each_thing_that_was_asked_for_has_an_answer_of_its_own() {
        let answer = "<s:Envelope><s:Body><m:CreateItemResponse><m:ResponseMessages>\
            <m:CreateItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
            </m:CreateItemResponseMessage><m:CreateItemResponseMessage ResponseClass=\"Error\"><m:ResponseCode>\
            ErrorQuotaExceeded</m:ResponseCode></m:CreateItemResponseMessage></m:ResponseMessages>\
            </m:CreateItemResponse></s:Body></s:Envelope>";

        let replies = read(answer.as_bytes()).unwrap().unwrap();

        assert_eq!(replies.len(), 2);
        assert!(replies[0].content().is_ok());
        let full = replies[1].content().unwrap_err();
        assert!(
            matches!(full, Failure::Refusal(crate::target::Refusal::Quota)),
            "{full:?}"
        );
    }

    #[test]
    fn an_address_cannot_leave_its_element() {
        let request = envelope(Some("a<b>&@contoso.com"), "<m:X/>");

        let request = Element::parse(request.as_bytes()).unwrap();

        let owner = request.find("PrimarySmtpAddress").unwrap();
        assert_eq!(owner.text, "a<b>&@contoso.com");
    }

    #[test]
    fn what_is_no_answer_of_exchange_is_none() {
        assert!(read(b"<html><body>Service unavailable</body></html>").is_none());
        assert!(read(b"").is_none());
    }
}
