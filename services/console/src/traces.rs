//! Links to traces, where the console knows what shows them.

use std::sync::Arc;

/// What stands in the setting for a trace's id.
const PLACE: &str = "{trace}";

/// Where traces are looked at, if that is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct TraceLinks(Option<Arc<str>>);

impl TraceLinks {
    /// Links made of an address that has a place for a trace's id.
    pub(crate) fn new(template: Option<&str>) -> Self {
        Self(template.map(Arc::from))
    }

    /// The address of a trace. Only of what is an id: it goes into a page.
    pub(crate) fn link(&self, trace: &str) -> Option<String> {
        let is_id = trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit());
        let template = self.0.as_ref().filter(|_| is_id)?;
        Some(template.replace(PLACE, trace))
    }
}

/// Whether links can be made of this.
pub(crate) fn is_template(text: &str) -> bool {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    is_web && text.contains(PLACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_link_has_the_trace_in_its_place() {
        let links = TraceLinks::new(Some(
            "https://grafana.contoso.com/explore?trace={trace}&a=b",
        ));

        let link = links.link(TRACE).unwrap();

        let expected = format!("https://grafana.contoso.com/explore?trace={TRACE}&a=b");
        assert_eq!(link, expected);
        assert_eq!(links.link(""), None);
        assert_eq!(links.link("\"><script>alert(1)</script>......"), None);
        assert_eq!(TraceLinks::default().link(TRACE), None);
    }

    #[test]
    fn only_web_addresses_with_a_place_make_links() {
        assert!(is_template("http://127.0.0.1:3000/{trace}"));
        for bad in [
            "",
            "https://grafana.contoso.com/",
            "{trace}",
            "javascript:{trace}",
        ] {
            assert!(!is_template(bad), "{bad}");
        }
    }
}
