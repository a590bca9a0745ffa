//! Large scratch memory that is kept from one forward pass to the next.

use memmap2::MmapMut;

use crate::Error;

/// Floats in memory of their own, on huge pages where the system has them: the network reads along columns that are
/// far apart, and would else spend its time on looking up pages. Grows when asked for more, and never shrinks.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    map: Option<MmapMut>,
}

impl Buffer {
    /// The first `len` floats: zero when they are new, else what they were.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn get(&mut self, len: usize) -> Result<&mut [f32], Error> {
        let n_bytes = (len * size_of::<f32>()).max(1);
        let map = match self.map.take() {
            Some(map) if map.len() >= n_bytes => map,
            // The old one goes first: both may not fit.
            old => {
                drop(old);
                new_map(n_bytes)?
            }
        };
        let floats: &mut [f32] = pulp::bytemuck::cast_slice_mut(&mut self.map.insert(map)[..n_bytes / 4 * 4]);
        Ok(&mut floats[..len])
    }

    /// What [`get`](Self::get) last gave, up to `len`.
    pub(super) fn read(&self, len: usize) -> &[f32] {
        self.map.as_ref().map_or(&[], |map| pulp::bytemuck::cast_slice(&map[..len * size_of::<f32>()]))
    }

    /// Bytes that are taken.
    pub(super) fn n_bytes(&self) -> usize {
        self.map.as_ref().map_or(0, |map| map.len())
    }
}

fn new_map(n_bytes: usize) -> Result<MmapMut, Error> {
    let failed = |error: std::io::Error| Error::OutOfMemory { message: format!("{n_bytes} bytes: {error}") };
    let map = MmapMut::map_anon(n_bytes).map_err(failed)?;
    #[cfg(target_os = "linux")]
    // Only faster, so a system without huge pages is no error.
    map.advise(memmap2::Advice::HugePage).ok();
    Ok(map)
}
