//! The services of a cluster as the kernel sees them. Linux only.

use std::fs;
use std::path::Path;

/// A process and the most memory that it had since [`Service::reset_peak`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Process id: another one means that it died.
    pub pid: u32,
    /// `orchestrator` or `worker`.
    pub name: String,
}

impl Service {
    /// The services over a data folder, by name.
    #[must_use]
    pub fn of(data_dir: &Path) -> Vec<Self> {
        let names = |pid: u32| {
            let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let mut arguments = command.split(|&byte| byte == 0);
            let name =
                String::from_utf8_lossy(arguments.next()?.rsplit(|&byte| byte == b'/').next()?).into_owned();
            let is_ours = matches!(name.as_str(), "orchestrator" | "worker")
                && arguments.any(|argument| argument == data_dir.as_os_str().as_encoded_bytes());
            is_ours.then_some(Self { pid, name })
        };
        let mut found: Vec<Self> = fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| names(entry.file_name().to_str()?.parse().ok()?))
            .collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found
    }

    /// Forgets the peak so far.
    pub fn reset_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.pid), "5").unwrap();
    }

    /// The most resident memory since then, MiB.
    #[must_use]
    pub fn peak_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() / 1024
    }
}
