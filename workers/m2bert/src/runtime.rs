//! What must happen to a process before its first tensor.
//!
//! Two variables steer how libtorch and oneDNN use memory, and are read once. And libtorch asks once
//! whether there is CUDA: its library must be loaded by then, yet must not be linked, since a binary
//! that links it does not start on a machine without it.

use std::env;
use std::ffi::{CStr, CString};
use std::fs;
use std::path::PathBuf;

/// Set unless the user set them. The first keeps large tensors on huge pages, which halves the time
/// of memory-bound operations; the second bounds a cache that grows with every new input shape.
const VARIABLES: [(&str, &str); 2] =
    [("THP_MEM_ALLOC_ENABLE", "1"), ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")];

/// What [`prepare`] could do, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Whether the memory settings are in force. They are not if threads were running already.
    pub memory_tuned: bool,
    /// Whether the CUDA half of libtorch is loaded, or why not. That it is not is the normal case.
    pub cuda: Result<(), String>,
}

/// Prepares the process for libtorch. Call it first in `main`: before any other thread starts
/// (`#[tokio::main]` starts some) and before anything else of this crate.
pub fn prepare() -> Prepared {
    Prepared { memory_tuned: tune_memory(), cuda: load_cuda() }
}

#[expect(unsafe_code, reason = "setting an environment variable is unsafe while other threads run")]
fn tune_memory() -> bool {
    let n_threads = fs::read_dir("/proc/self/task").map(Iterator::count);
    if !matches!(n_threads, Ok(1)) {
        return false;
    }
    for (name, value) in VARIABLES {
        if env::var_os(name).is_none() {
            // SAFETY: this is the only thread of the process, so nobody reads the environment now.
            unsafe { env::set_var(name, value) };
        }
    }
    true
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
    fn a_process_with_threads_keeps_its_environment() {
        // The test harness runs this beside other threads.
        let before = env::var_os("THP_MEM_ALLOC_ENABLE");
        std::thread::scope(|scope| {
            let (go, wait) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || wait.recv());
            assert!(!tune_memory());
            drop(go);
        });
        assert_eq!(env::var_os("THP_MEM_ALLOC_ENABLE"), before);
    }

    #[test]
    fn a_missing_cuda_library_is_a_reason_not_a_failure() {
        if let Err(reason) = load_cuda() {
            assert!(reason.contains("libtorch_cuda.so") || reason.contains("cannot open"), "{reason}");
        }
    }
}
