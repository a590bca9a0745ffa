//! `m2bert bench`: tokens per second, against the limits of the machine and against the published code.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use m2bert::peaks::{self, Flops};
use m2bert::{Dtype, Encoder};
use model_dir::{Encode as _, ModelDir, Outputs, TokenBatch};
use serde::Serialize;

use super::{DtypeArg, RunArgs};

/// `bench`
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// The model directory, such as `m2bert init --size 80m-32k` makes
    dir: PathBuf,
    /// Lengths of rows, in tokens
    #[arg(long, value_delimiter = ',', default_values_t = [128, 512, 2048, 8192, 32768])]
    lengths: Vec<usize>,
    /// Types of matrix products
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["f32", "bf16"])]
    dtype: Vec<DtypeArg>,
    /// Tokens of a batch: as many rows as make up for that, at least one
    #[arg(long, default_value_t = 2048, value_name = "N")]
    batch_tokens: usize,
    /// Also measure the published code's way, operation by operation and f32, in turn with ours
    #[arg(long)]
    plain: bool,
    /// Measure sentence embeddings alone, for which the last layer needs one position only
    #[arg(long)]
    sentence: bool,
    /// How long each figure is measured at least, in seconds
    #[arg(long, default_value_t = 4.0, value_name = "SECONDS")]
    seconds: f64,
    /// JSON instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    run: RunArgs,
}

/// A figure is the median of so many passes at least, unless one takes as long as all of them should.
const LEAST_PASSES: usize = 3;

#[derive(Debug, Serialize)]
struct Report {
    model: String,
    threads: usize,
    device: String,
    /// Floating point operations per second of large square products, by type.
    product_peaks: Vec<(Dtype, f64)>,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    length: usize,
    n_rows: usize,
    dtype: Dtype,
    engine: &'static str,
    /// Median over the passes.
    tokens_per_s: f64,
    n_passes: usize,
    /// What the machine's measured peaks would allow: products and transforms, one after the other.
    limit_tokens_per_s: f64,
    share_of_limit: f64,
    /// Of the peak of products, products alone.
    share_of_product_peak: f64,
    /// Against the published code's way, same length and batch, measured in turn.
    times_plain: Option<f64>,
    /// While this length was measured.
    peak_rss_mib: Option<u64>,
}

pub(crate) fn run(args: &Bench) -> anyhow::Result<String> {
    let (threads, device) = (args.run.n_threads(), args.run.device.open()?);
    let (name, config) = {
        let model = ModelDir::open(&args.dir)?;
        (model.name().to_owned(), model.config().clone())
    };
    for length in &args.lengths {
        anyhow::ensure!((1..=config.l_max()).contains(length), "the model takes no {length} tokens");
    }
    tch::set_num_threads(i32::try_from(threads)?);
    let mut report = Report {
        model: name,
        threads,
        device: args.run.device.to_string(),
        product_peaks: Vec::new(),
        rows: Vec::new(),
    };
    for dtype in &args.dtype {
        let dtype = (*dtype).into();
        report.product_peaks.push((dtype, peaks::products(dtype, threads, device)?));
    }
    let mut plain = args.plain.then(|| load(args, Dtype::F32, true)).transpose()?;
    for index in 0..report.product_peaks.len() {
        let (dtype, mut peak) = report.product_peaks[index];
        let mut encoder = load(args, dtype, false)?;
        for &length in &args.lengths {
            eprintln!("{dtype}, {length} tokens …");
            let measured = measure(args, &mut encoder, plain.as_mut(), length)?;
            let transforms = peaks::transforms(m2bert::net::n_points(length), threads, device)?;
            // A busy moment of the machine must not make the limit low.
            peak = peaks::products(dtype, threads, device)?.max(peak);
            let flops = Flops::per_token(&config, length);
            report.rows.extend(measured.rows(dtype, length, flops, peak, transforms));
        }
        report.product_peaks[index].1 = peak;
    }
    if args.json { Ok(format!("{}\n", serde_json::to_string_pretty(&report)?)) } else { table(&report) }
}

/// The file of the weights is closed again, as it is while a model serves.
fn load(args: &Bench, dtype: Dtype, plain: bool) -> anyhow::Result<Encoder> {
    let model = ModelDir::open(&args.dir)?;
    Encoder::load(&model, &args.run.options(dtype, plain)).context("load the model")
}

struct Measured {
    n_rows: usize,
    n_tokens: usize,
    ours: Vec<Duration>,
    plain: Vec<Duration>,
    peak_rss_mib: Option<u64>,
}

/// Times passes of both in turn, so that a busy moment of the machine hits both.
fn measure(
    args: &Bench,
    encoder: &mut Encoder,
    plain: Option<&mut Encoder>,
    length: usize,
) -> anyhow::Result<Measured> {
    let n_rows = (args.batch_tokens / length).max(1);
    let row = |index: usize| (0..length).map(|t| ((t * 31 + index * 7) % 256 + 5) as u32).collect();
    let outputs = Outputs { mean: !args.sentence, ..Outputs::VECTORS };
    let batch = TokenBatch::new((0..n_rows).map(row).collect()).wanting(outputs);
    let mut encoders: Vec<&mut Encoder> = std::iter::once(encoder).collect();
    // Measured once, beside the first type.
    encoders.extend(plain);
    forget_peak();
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); encoders.len()];
    let enough = Duration::from_secs_f64(args.seconds);
    for encoder in &mut encoders {
        // Once unmeasured: spectra are computed, memory is taken.
        encoder.encode(&batch)?;
    }
    let peak_rss_mib = peak_rss_mib();
    let is_enough = |times: &Vec<Duration>| {
        let total: Duration = times.iter().sum();
        total >= enough && (times.len() >= LEAST_PASSES || times[0] >= enough)
    };
    while !times.iter().all(is_enough) {
        for (encoder, times) in encoders.iter_mut().zip(&mut times) {
            let start = Instant::now();
            encoder.encode(&batch)?;
            times.push(start.elapsed());
        }
    }
    let mut times = times.into_iter();
    let (ours, plain) = (times.next().unwrap_or_default(), times.next().unwrap_or_default());
    Ok(Measured { n_rows, n_tokens: batch.n_tokens(), ours, plain, peak_rss_mib })
}

impl Measured {
    fn rows(&self, dtype: Dtype, length: usize, flops: Flops, peak: f64, transforms: f64) -> Vec<Row> {
        let rate = |times: &[Duration]| {
            let mut times = times.to_vec();
            times.sort_unstable();
            self.n_tokens as f64 / times[times.len() / 2].as_secs_f64()
        };
        let limit = 1.0 / (flops.products / peak + flops.transforms / transforms);
        let row = |engine: &'static str, dtype: Dtype, rate: f64, n_passes: usize| Row {
            length,
            n_rows: self.n_rows,
            dtype,
            engine,
            tokens_per_s: rate,
            n_passes,
            limit_tokens_per_s: limit,
            share_of_limit: rate / limit,
            share_of_product_peak: rate * flops.products / peak,
            times_plain: None,
            peak_rss_mib: self.peak_rss_mib,
        };
        let ours = rate(&self.ours);
        let mut rows = vec![row("ours", dtype, ours, self.ours.len())];
        if !self.plain.is_empty() {
            let plain = rate(&self.plain);
            rows[0].times_plain = Some(ours / plain);
            rows.push(row("plain", Dtype::F32, plain, self.plain.len()));
        }
        rows
    }
}

/// Of this process, since [`forget_peak`].
fn peak_rss_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? >> 10)
}

/// Lets the kernel count the peak anew. Where it cannot, the peak is that of the whole process.
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").ok();
}

fn table(report: &Report) -> anyhow::Result<String> {
    let mut text = String::new();
    writeln!(text, "{}, {} threads, {}", report.model, report.threads, report.device)?;
    for (dtype, peak) in &report.product_peaks {
        writeln!(text, "peak of {dtype} products: {:.0} GFLOP/s", peak / 1e9)?;
    }
    writeln!(
        text,
        "{:>6} {:>5} {:>5} {:>6} {:>9} {:>7} {:>9} {:>9} {:>8} {:>9}",
        "length",
        "rows",
        "dtype",
        "engine",
        "tokens/s",
        "passes",
        "of limit",
        "of gemm",
        "x plain",
        "peak RSS"
    )?;
    for row in &report.rows {
        let times = row.times_plain.map_or_else(String::new, |times| format!("{times:.2}"));
        let peak = row.peak_rss_mib.map_or_else(String::new, |mib| format!("{mib} MiB"));
        writeln!(
            text,
            "{:>6} {:>5} {:>5} {:>6} {:>9.0} {:>7} {:>8.0}% {:>8.0}% {:>8} {:>9}",
            row.length,
            row.n_rows,
            row.dtype,
            row.engine,
            row.tokens_per_s,
            row.n_passes,
            100.0 * row.share_of_limit,
            100.0 * row.share_of_product_peak,
            times,
            peak
        )?;
    }
    Ok(text)
}
