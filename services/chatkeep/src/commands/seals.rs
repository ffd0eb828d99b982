//! `chatkeep seals`: copies of the manifests, for keeping elsewhere.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use chatkeep_proto::v1::ManifestsRequest;
use chatkeep_report::number;

use super::ask;
use crate::{output::Output, place::Place};

/// Writes every manifest of the connector into a folder. A copy that is there already is written again.
pub(crate) async fn copy(place: &Place, to: &Path, output: &Output) -> anyhow::Result<ExitCode> {
    fs::create_dir_all(to).with_context(|| format!("make folder {}", to.display()))?;
    let request = ManifestsRequest {
        connector: place.connector.id(),
    };
    let copied = ask(&place.site, async |system| {
        let pieces = system.control.clone().manifests(request).await;
        let mut pieces = pieces.map_err(super::answer)?.into_inner();
        let mut open: Option<(i64, File)> = None;
        let mut copied = 0_u64;
        while let Some(piece) = pieces.message().await.map_err(super::answer)? {
            let path = to.join(chatkeep_control::manifest_name(piece.number));
            let mut file = match open.take() {
                Some((number, file)) if number == piece.number => file,
                _ => {
                    copied += 1;
                    File::create(&path).with_context(|| format!("write {}", path.display()))?
                }
            };
            let written = file.write_all(&piece.content);
            written.with_context(|| format!("write {}", path.display()))?;
            open = Some((piece.number, file));
        }
        anyhow::Ok(copied)
    })
    .await?;
    output.line(format_args!(
        "{} manifests in {}; check them with `chatkeep verify --offline FILE`",
        number(copied),
        to.display()
    ));
    Ok(ExitCode::SUCCESS)
}
