use crate::target::TargetError;

/// Why sending stops.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The folder is gone.
    NoFolder,
    /// Everything else.
    Target(TargetError),
}

impl Halt {
    /// Notes a reason beside those that were noted before: the one that weighs most stays.
    pub(crate) fn note(self, noted: &mut Option<Self>) {
        *noted = Some(match noted.take() {
            Some(before) => before.or_worse(self),
            None => self,
        });
    }

    /// Of two reasons, the one that weighs more: a lost lease before all, then the longer pause.
    fn or_worse(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Target(TargetError::Fenced), _) => self,
            (_, Self::Target(TargetError::Fenced)) => other,
            (Self::Target(TargetError::Lapsed { .. }), _) => self,
            (_, Self::Target(TargetError::Lapsed { .. })) | (Self::NoFolder, _) => other,
            (
                Self::Target(TargetError::Busy { after }),
                Self::Target(TargetError::Busy { after: other_after }),
            ) if other_after > after => other,
            _ => self,
        }
    }
}
