//! For services that are asked about files without a secret in control's keeping.

use chatkeep_pipeline::LedgerClient;
use chatkeep_runtime::in_process;
use tonic::service::Routes;

/// A ledger that answers nothing.
pub(crate) fn no_ledger() -> LedgerClient {
    chatkeep_pipeline::ledger(in_process(Routes::default().prepare()))
}
