//! Writes the place of libtorch into what this package links, so that no variable is needed to run it.
//!
//! Link arguments do not reach dependents: every package with a binary, test or bench that links
//! this crate has the same script and a direct dependency on `torch-sys`, which tells the place.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    if let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    }
}
