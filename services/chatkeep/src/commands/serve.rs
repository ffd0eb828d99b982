//! `chatkeep serve`.

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;
use chatkeep_console::{Announce, Services};
use chatkeep_runtime::{GRACE, Lifecycle};

use crate::{
    cli::{Serve, SiteOptions},
    embedded::{self, Which},
    output::Output,
    settings::Settings,
    system::Site,
};

/// Serves until somebody stops it.
pub(crate) async fn run(
    args: &Serve,
    options: &SiteOptions,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let folder = std::path::absolute(".").context("find the current folder")?;
    let Site::Here(folder) = Site::new(options, &folder)? else {
        anyhow::bail!("serve runs control itself: leave out --control and --server");
    };
    let mut settings = Settings::load_for_serving()?;
    if let Some(address) = args.listen {
        settings.console.address = address;
    }
    let lifecycle = Lifecycle::new(GRACE).context("listen for signals")?;
    let served = serve(&folder, settings, &lifecycle, output).await;
    if served.is_ok() {
        lifecycle.shutdown().cancelled().await;
    }
    let ended = lifecycle.stop().await;
    served?;
    Ok(ExitCode::from(u8::from(!ended)))
}

async fn serve(
    folder: &Path,
    mut settings: Settings,
    lifecycle: &Lifecycle,
    output: &Output,
) -> anyhow::Result<()> {
    let mut console = settings.console.clone();
    let mappings = std::path::absolute(folder.join("mappings"));
    console
        .mappings
        .get_or_insert(mappings.context("find the folder of mappings")?);
    let has_issuer = console.issuer.is_some();
    let control = &mut settings.control;
    control.serve_console(console.public_url.as_deref(), has_issuer);
    let embedded = embedded::start(folder, settings, Which::All, lifecycle).await?;
    let services = Services::new(embedded.channels());
    let announce = Announce::new(|link| {
        Output::new().line(format_args!("to sign in, open {link} (once)"));
    });
    let address = chatkeep_console::start(&console, services, announce, lifecycle)
        .await
        .context("serve the console")?;
    output.line(format_args!("serving http://{address}"));
    Ok(())
}
