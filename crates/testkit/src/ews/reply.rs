use bytes::Bytes;
use http::{Response, header::CONTENT_TYPE};
use http_body_util::Full;
use quick_xml::escape::escape;

/// Why something that was asked for is not done: a `ResponseCode`.
pub(super) type Code = &'static str;

const REFUSED: &str = "<m:MessageText>It is refused.</m:MessageText>";

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Reply {
    /// The answers to each thing that a request asked for.
    pub(super) fn messages(operation: &str, replies: &[Result<String, Code>]) -> Self {
        let operation = operation.trim_start_matches("m:");
        // The schema has them in refusals, too.
        let nothing = match operation {
            "CreateItem" | "GetItem" => "<m:Items/>",
            "CreateFolder" | "GetFolder" => "<m:Folders/>",
            "GetAttachment" => "<m:Attachments/>",
            _ => "",
        };
        let message = |reply: &Result<String, Code>| {
            let (class, text, code, content) = match reply {
                Ok(content) => ("Success", "", "NoError", content.as_str()),
                Err(code) => ("Error", REFUSED, *code, nothing),
            };
            format!(
                "<m:{operation}ResponseMessage ResponseClass=\"{class}\">{text}<m:ResponseCode>{code}\
                 </m:ResponseCode>{content}</m:{operation}ResponseMessage>"
            )
        };
        let messages: String = replies.iter().map(message).collect();
        Self::soap(
            200,
            &format!(
                "<m:{operation}Response xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" \
                 xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><m:ResponseMessages>\
                 {messages}</m:ResponseMessages></m:{operation}Response>"
            ),
        )
    }

    /// The whole request is refused ("SOAP faults": 500, whatever the reason).
    pub(super) fn fault(code: &str, back_off: Option<u128>) -> Self {
        let values = back_off.map_or_else(String::new, |millis| {
            format!(
                "<t:MessageXml xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">\
                 <t:Value Name=\"BackOffMilliseconds\">{millis}</t:Value></t:MessageXml>"
            )
        });
        Self::soap(
            500,
            &format!(
                "<s:Fault><faultcode xmlns:a=\"http://schemas.microsoft.com/exchange/services/2006/types\">a:{code}\
                 </faultcode><faultstring xml:lang=\"en-US\">It is refused.</faultstring><detail>\
                 <e:ResponseCode xmlns:e=\"http://schemas.microsoft.com/exchange/services/2006/errors\">{code}\
                 </e:ResponseCode>{values}</detail></s:Fault>"
            ),
        )
    }

    /// An answer of the web server before the service.
    pub(super) fn page(status: u16) -> Self {
        Self {
            status,
            body: "<html><body>The service is not available.</body></html>".to_owned(),
        }
    }

    fn soap(status: u16, body: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope \
             xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>"
        );
        Self { status, body }
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let response = Response::builder()
            .status(self.status)
            .header(CONTENT_TYPE, "text/xml; charset=utf-8")
            .body(Full::new(self.body.into()));
        response.unwrap_or_else(|_| Response::new(Full::default()))
    }
}

/// An element with text.
pub(super) fn element(name: &str, text: &str) -> String {
    format!("<t:{name}>{}</t:{name}>", escape(text))
}
