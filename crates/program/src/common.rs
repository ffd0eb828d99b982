use std::time::Duration;

use chatkeep_runtime::{
    AdminSettings, GRACE, GrpcSettings, settings::Sections, telemetry::TelemetrySettings,
};
use serde::Deserialize;

/// The sections that every program has.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) admin: AdminSettings,
    pub(crate) grpc: GrpcSettings,
    pub(crate) telemetry: TelemetrySettings,
    pub(crate) lifecycle: LifecycleSettings,
}

/// How a program ends: the section `lifecycle`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LifecycleSettings {
    /// How long the program may finish what it holds.
    #[serde(with = "humantime_serde")]
    pub(crate) grace: Duration,
}

impl Default for LifecycleSettings {
    fn default() -> Self {
        Self { grace: GRACE }
    }
}

impl Common {
    pub(crate) fn read(sections: &mut Sections) -> Option<Self> {
        let admin = sections.section("admin");
        let grpc: Option<GrpcSettings> = sections.section("grpc");
        let telemetry: Option<TelemetrySettings> = sections.section("telemetry");
        let lifecycle = sections.section("lifecycle");
        if let Some(Err(error)) = grpc.as_ref().map(GrpcSettings::transport) {
            sections.problem("grpc", &error);
        }
        if let Some(Err(error)) = telemetry.as_ref().map(TelemetrySettings::check) {
            sections.problem("telemetry", &error);
        }
        Some(Self {
            admin: admin?,
            grpc: grpc?,
            telemetry: telemetry?,
            lifecycle: lifecycle?,
        })
    }
}
