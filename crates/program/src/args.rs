use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};

use crate::Program;

/// What the command line says.
pub(crate) struct Args {
    pub(crate) config: Option<PathBuf>,
    pub(crate) check_config: bool,
}

impl Args {
    /// Exits when there is nothing to run: `--help`, `--version`, a mistake.
    pub(crate) fn parse(program: Program) -> Self {
        let config = Arg::new("config")
            .long("config")
            .env("CHATKEEP_CONFIG")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("TOML file; variables CHATKEEP__SECTION__KEY override it");
        let check = Arg::new("check-config")
            .long("check-config")
            .action(ArgAction::SetTrue)
            .help("Says everything that is wrong with the settings, and exits with 0 or 1");
        let command = Command::new(program.name)
            .version(program.version)
            .about(program.about)
            .args([config, check]);
        let mut matches = command.get_matches();
        Self {
            config: matches.remove_one("config"),
            check_config: matches.get_flag("check-config"),
        }
    }
}
