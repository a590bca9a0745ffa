//! The spectra of all layers' kernels, for each size of transform in use, within a budget of bytes.
//!
//! Kernels depend on the checkpoint only, so a spectrum is computed once and kept. What does not fit into the budget is
//! computed anew each time its layer comes up; a batch of many rows shares even that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::Lanes;
use super::buffer::Buffer;
use super::conv::{PairSpectrum, spectra_of};
use super::element::load;
use super::fft::{Plan, Sample};
use super::matrix::Shared;
use super::pass::mine;
use crate::Error;
use crate::net::kernel::FilterWeights;
use crate::net::to_vec;

/// Positions at which taps are computed by one thread at a time.
const CHUNK: usize = 2048;

/// Groups of lanes whose taps are computed together: enough columns for an efficient product.
const GROUPS_AT_ONCE: usize = 8;

/// The spectra of a layer, `[n_groups, n_pairs]`, as floats.
pub(super) struct LayerSpectra<'a> {
    pub(super) plan: Arc<Plan>,
    pub(super) values: &'a [f32],
}

/// The two kernels of a layer; without a second one, the second result is zero.
#[derive(Debug)]
pub(super) struct LayerKernels {
    pub(super) gated: FilterWeights,
    pub(super) residual: Option<FilterWeights>,
}

/// Spectra that are kept.
#[derive(Debug)]
pub(super) struct SpectraCache {
    /// Bytes that they may take together.
    budget: usize,
    width: usize,
    plans: BTreeMap<usize, Arc<Plan>>,
    kept: BTreeMap<(usize, usize), Kept>,
    /// For those that are not kept.
    scratch: Buffer,
    /// Counts forward passes.
    now: u64,
}

#[derive(Debug)]
struct Kept {
    spectra: Buffer,
    last_used: u64,
}

impl SpectraCache {
    /// For kernels of `width` channels.
    pub(super) fn new(width: usize, budget: usize) -> Self {
        let (plans, kept) = (BTreeMap::new(), BTreeMap::new());
        Self { budget, width, plans, kept, scratch: Buffer::default(), now: 0 }
    }

    /// A forward pass begins: what the last one used may be given up for this one.
    pub(super) fn begin(&mut self) {
        self.now += 1;
    }

    /// Bytes that may be kept.
    pub(super) fn budget(&self) -> usize {
        self.budget
    }

    /// Bytes that are kept.
    pub(super) fn n_bytes(&self) -> usize {
        self.kept.values().map(|kept| kept.spectra.n_bytes()).sum()
    }

    /// The spectra of layer `index`, whose kernels are these, for transforms of `n_points`. `circles` is scratch of each
    /// thread.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn of_layer(
        &mut self,
        index: usize,
        kernels: &LayerKernels,
        n_points: usize,
        circles: &[Mutex<Buffer>],
    ) -> Result<LayerSpectra<'_>, Error> {
        let plan = self.plans.entry(n_points).or_insert_with(|| Arc::new(Plan::new(n_points)));
        let plan = Arc::clone(plan);
        let len = Arch::new().dispatch(SpectraLen { width: self.width, n_pairs: plan.n_pairs() });
        let key = (n_points, index);
        let is_kept = self.kept.contains_key(&key);
        if !is_kept && self.make_room(len * size_of::<f32>()) {
            self.kept.insert(key, Kept { spectra: Buffer::default(), last_used: self.now });
        }
        let buffer = match self.kept.get_mut(&key) {
            Some(kept) => {
                kept.last_used = self.now;
                &mut kept.spectra
            }
            None => &mut self.scratch,
        };
        if !is_kept {
            let computed = compute(kernels, &plan, self.width, buffer.get(len)?, circles);
            if let Err(error) = computed {
                self.kept.remove(&key);
                return Err(error);
            }
        }
        let buffer = self.kept.get(&key).map_or(&self.scratch, |kept| &kept.spectra);
        Ok(LayerSpectra { plan, values: buffer.read(len) })
    }

    /// Gives up spectra that this pass has not used, longest unused first, until `n_bytes` more fit. Says whether they do.
    fn make_room(&mut self, n_bytes: usize) -> bool {
        while self.n_bytes() + n_bytes > self.budget {
            let unused = self.kept.iter().filter(|(_, kept)| kept.last_used < self.now);
            let Some((&oldest, _)) = unused.min_by_key(|(_, kept)| kept.last_used) else { return false };
            self.kept.remove(&oldest);
        }
        true
    }
}

/// Floats of the spectra of a layer.
struct SpectraLen {
    width: usize,
    n_pairs: usize,
}

impl WithSimd for SpectraLen {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        self.width.div_ceil(S::F32_LANES) * self.n_pairs * size_of::<PairSpectrum<S::f32s>>()
            / size_of::<f32>()
    }
}

/// Fills `spectra`, some groups of lanes at a time.
fn compute(
    kernels: &LayerKernels,
    plan: &Plan,
    width: usize,
    spectra: &mut [f32],
    circles: &[Mutex<Buffer>],
) -> Result<(), Error> {
    let n_taps = (plan.n_points() / 2).min(kernels.gated.l_max());
    let filters: Vec<&FilterWeights> = std::iter::once(&kernels.gated).chain(&kernels.residual).collect();
    let stretch = |first| (first, CHUNK.min(n_taps - first));
    let mut jobs = Vec::new();
    for (kernel, filter) in filters.iter().copied().enumerate() {
        for direction in 0..filter.n_directions() {
            let stretches = (0..n_taps).step_by(CHUNK).map(stretch);
            jobs.extend(stretches.map(|(first, n)| Job { kernel, filter, direction, first, n }));
        }
    }
    let features: Vec<Shared> = jobs
        .par_iter()
        .map(|job| job.filter.features(job.direction, job.first, job.n).map(Shared::new))
        .collect::<Result<_, _>>()?;
    let lanes = Arch::new().dispatch(Lanes);
    let columns = GROUPS_AT_ONCE * lanes;
    let per_group = spectra.len() / width.div_ceil(lanes);
    spectra.par_chunks_mut(GROUPS_AT_ONCE * per_group).enumerate().try_for_each(|(index, spectra)| {
        let first = index * columns;
        let n_columns = columns.min(width - first);
        let taps = Taps { filters: &filters, jobs: &jobs, features: &features, first, n_columns };
        Arch::new().dispatch(Transform { taps, plan, spectra, circles: &mut mine(circles) })
    })
}

/// A stretch of the taps of one direction of a filter.
struct Job<'a> {
    /// 0 for the gated convolution, 1 for the residual one.
    kernel: usize,
    filter: &'a FilterWeights,
    direction: usize,
    first: usize,
    n: usize,
}

/// Where taps of some columns come from.
struct Taps<'a> {
    filters: &'a [&'a FilterWeights],
    jobs: &'a [Job<'a>],
    features: &'a [Shared],
    first: usize,
    n_columns: usize,
}

impl Taps<'_> {
    /// The taps `[n, n_columns]` of one stretch.
    fn of(&self, job: &Job<'_>, features: &Shared) -> Result<Vec<f32>, Error> {
        to_vec(&job.filter.taps(features.tensor(), job.direction, job.first, self.first, self.n_columns)?)
    }

    /// The skip term `[n_columns]` of a filter.
    fn skip(&self, filter: &FilterWeights) -> Result<Vec<f32>, Error> {
        to_vec(&filter.skip().f_narrow(0, self.first as i64, self.n_columns as i64)?)
    }
}

/// Puts taps on the circle and transforms them, group by group of lanes.
struct Transform<'a> {
    taps: Taps<'a>,
    plan: &'a Plan,
    spectra: &'a mut [f32],
    circles: &'a mut Buffer,
}

impl WithSimd for Transform<'_> {
    type Output = Result<(), Error>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let n_points = self.plan.n_points();
        let n_columns = self.taps.n_columns;
        let n_groups = n_columns.div_ceil(S::F32_LANES);
        let circles = self.circles.get(2 * n_groups * n_points * S::F32_LANES)?;
        circles.fill(0.0);
        let circles: &mut [Sample<S::f32s>] = pulp::bytemuck::cast_slice_mut(circles);
        for (job, features) in self.taps.jobs.iter().zip(self.taps.features) {
            for (index, taps) in self.taps.of(job, features)?.chunks_exact(n_columns).enumerate() {
                let lag = job.first + index;
                // Lag -1 is the last point of the circle, lag -2 the one before.
                let place = if job.direction == 0 { lag } else { n_points - 1 - lag };
                for group in 0..n_groups {
                    circles[group * n_points + place][job.kernel] = load(simd, taps, group * S::F32_LANES);
                }
            }
        }
        for (kernel, filter) in self.taps.filters.iter().enumerate() {
            let skip = self.taps.skip(filter)?;
            for group in 0..n_groups {
                let tap = &mut circles[group * n_points][kernel];
                *tap = simd.add_f32s(*tap, load(simd, &skip, group * S::F32_LANES));
            }
        }
        let spectra: &mut [PairSpectrum<S::f32s>] = pulp::bytemuck::cast_slice_mut(self.spectra);
        let spectra = spectra.chunks_exact_mut(self.plan.n_pairs());
        for (circle, spectra) in circles.chunks_exact_mut(n_points).zip(spectra) {
            spectra_of(simd, self.plan, circle, spectra);
        }
        Ok(())
    }
}
