/// The pages of the way to a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Product,
    Name,
    Sources,
    Directory,
    Mapping,
    Target,
    Schedule,
    Review,
}

impl Step {
    pub(super) const ALL: [Self; 8] = [
        Self::Product,
        Self::Name,
        Self::Sources,
        Self::Directory,
        Self::Mapping,
        Self::Target,
        Self::Schedule,
        Self::Review,
    ];

    /// As forms and people call it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Product => "Product",
            Self::Name => "Name",
            Self::Sources => "Sources",
            Self::Directory => "Directory",
            Self::Mapping => "Mapping",
            Self::Target => "Target",
            Self::Schedule => "Schedule",
            Self::Review => "Review",
        }
    }

    /// The step of a title; the first one when there is none.
    pub(super) fn titled(title: &str) -> Self {
        let found = Self::ALL.into_iter().find(|step| step.title() == title);
        found.unwrap_or(Self::Product)
    }

    /// The one after it; the last one stays.
    pub(super) fn next(self) -> Self {
        let after = Self::ALL
            .into_iter()
            .skip_while(|step| *step != self)
            .nth(1);
        after.unwrap_or(self)
    }

    /// The one before it; the first one stays.
    pub(super) fn back(self) -> Self {
        let before = Self::ALL
            .into_iter()
            .take_while(|step| *step != self)
            .last();
        before.unwrap_or(self)
    }

    /// The parts of the connector file that it asks for.
    pub(super) fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Product => &[],
            Self::Name => &["name", "domain", "id"],
            Self::Sources => &["sources", "exclude"],
            Self::Directory => &["directory"],
            Self::Mapping => &["mapping"],
            Self::Target => &["target", "item"],
            Self::Schedule => &["schedule", "report"],
            Self::Review => &super::draft::PARTS,
        }
    }
}
