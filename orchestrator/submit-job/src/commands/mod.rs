//! The commands, one file each.

pub mod cancel;
pub mod doctor;
pub mod list;
pub mod report;
pub mod status;
pub mod submit;

/// Milliseconds since 1970 as a date in UTC.
fn date(ms: u64) -> String {
    let seconds = std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms);
    humantime::format_rfc3339_seconds(seconds).to_string()
}
