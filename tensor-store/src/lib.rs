//! Immutable objects and tensor packs: where everything that is too large for a message lives.
//!
//! Called by the orchestrator (specs, plans, source packs, reports), the workers (source packs, results, tensors)
//! and `submit-job` (uploads, downloads). It is the only user of `object_store`.
//!
//! What must hold: an object never changes once it is written; every object that has a digest is checked against it
//! on every read, so a torn or rotten object is an [`Error::Corrupt`] and never wrong data; writing the same thing
//! twice is harmless.
//!
//! In reading order: [`Key`] (where each object lives) → [`Store`] (open, put, get, list) → `seal` (structs as
//! objects that prove themselves) → [`Tensor`] and [`Pack`] (tensors, readable by any safetensors reader) →
//! [`Stats`].
#![warn(missing_docs)]

#[cfg(feature = "cloud")]
mod cloud;
mod error;
mod faulty;
mod key;
mod list;
mod open;
mod pack;
mod pack_header;
mod packs;
mod retrying;
mod seal;
mod sealed;
mod stats;
mod store;
mod tensor;

#[cfg(feature = "testing")]
pub mod conformance;

pub use error::{Error, Result};
pub use faulty::InjectedFaults;
pub use key::Key;
pub use list::ListedObject;
pub use open::OpenOptions;
pub use pack::{Pack, PackBuilder, StoredPack};
pub use packs::{PackRef, TensorRef};
pub use stats::{Stats, Usage, Usages};
pub use store::{Put, Store};
pub use tensor::{Dtype, Tensor};
