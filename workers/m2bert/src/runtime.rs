//! What must happen to a process before its first tensor.
//!
//! A few variables steer how libtorch and the libraries below it use memory and cores. Some are read
//! before `main` runs, so the process starts itself anew once, with them set. And libtorch asks once
//! whether there is CUDA: its library must be loaded by then, yet must not be linked, since a binary
//! that links it does not start on a machine without it.

use std::env;
use std::ffi::{CStr, CString};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

/// What is set unless the user has set it.
const VARIABLES: [(&str, &str); 4] = [
    // Threads that wait for each other sleep instead of spinning. With more runnable threads than cores,
    // which is the rule beside the parsers of a worker, spinning costs a factor of ten and more.
    ("OMP_WAIT_POLICY", "passive"),
    // Large tensors on huge pages: halves the time of memory-bound operations.
    ("THP_MEM_ALLOC_ENABLE", "1"),
    // Bounds a cache that grows with every new input shape.
    ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64"),
    // Batches of ever new shapes would else leave a GPU's memory in pieces that fit none of them.
    ("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True"),
];

/// What [`prepare`] could do, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Whether the variables are set, or why the process could not start itself anew with them.
    pub environment: Result<(), String>,
    /// Whether the CUDA half of libtorch is loaded, or why not. That it is not is the normal case.
    pub cuda: Result<(), String>,
}

/// Prepares the process for libtorch. Call it first in `main`, before there is anything to lose.
///
/// If a variable is missing, this replaces the process by a fresh start of the same program with the
/// same arguments, process id and open files, and does not return.
pub fn prepare() -> Prepared {
    Prepared { environment: restart_with_variables(), cuda: load_cuda() }
}

/// Returns if all variables are set, or cannot be.
fn restart_with_variables() -> Result<(), String> {
    let missing: Vec<_> = VARIABLES.into_iter().filter(|(name, _)| env::var_os(name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let program = env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
    let mut args = env::args_os();
    let mut again = Command::new(&program);
    if let Some(name) = args.next() {
        again.arg0(name);
    }
    let error = again.args(args).envs(missing).exec();
    Err(format!("`{}` cannot be started again: {error}", program.display()))
}

/// Loads the `libtorch_cuda.so` that lies beside the `libtorch_cpu.so` of this process.
#[expect(unsafe_code, reason = "loading a library runs its initialisers")]
fn load_cuda() -> Result<(), String> {
    let library = cuda_library()?;
    let name = CString::new(library.into_os_string().into_encoded_bytes())
        .map_err(|_| "the path of libtorch holds a zero byte".to_owned())?;
    // SAFETY: the library is the other half of the libtorch that this process is linked to, from the same
    // folder; its initialisers register CUDA and touch nothing of ours. The handle is never closed.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    if !handle.is_null() {
        return Ok(());
    }
    // SAFETY: `dlerror` returns null or a string that lives until this thread's next dl call.
    let reason = unsafe {
        let message = libc::dlerror();
        if message.is_null() { None } else { Some(CStr::from_ptr(message).to_string_lossy().into_owned()) }
    };
    Err(reason.unwrap_or_else(|| "unknown reason".to_owned()))
}

fn cuda_library() -> Result<PathBuf, String> {
    let maps = fs::read_to_string("/proc/self/maps").map_err(|error| format!("no memory map: {error}"))?;
    let path = mapped_file(&maps, "libtorch_cpu.so").ok_or("libtorch_cpu.so is not mapped")?;
    Ok(path.with_file_name("libtorch_cuda.so"))
}

/// The path of the first mapped file of this name.
fn mapped_file(maps: &str, name: &str) -> Option<PathBuf> {
    let paths = maps.lines().filter_map(|line| line.find('/').map(|start| &line[start..]));
    paths.map(PathBuf::from).find(|path| path.file_name().is_some_and(|file| file == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_library_is_found_by_its_file_name() {
        let maps = "55d0-55d1 r--p 00000000 08:01 12 /bin/libtorch_cpu.so.old\n\
                    7f00-7f01 rw-p 00000000 00:00 0 \n\
                    7f10-7f20 r-xp 00001000 08:01 42   /opt/my libs/libtorch_cpu.so\n";
        assert_eq!(mapped_file(maps, "libtorch_cpu.so"), Some("/opt/my libs/libtorch_cpu.so".into()));
        assert_eq!(mapped_file(maps, "libtorch_cuda.so"), None);
    }

    #[test]
    fn a_missing_cuda_library_is_a_reason_not_a_failure() {
        if let Err(reason) = load_cuda() {
            assert!(reason.contains("libtorch_cuda.so") || reason.contains("cannot open"), "{reason}");
        }
    }
}
