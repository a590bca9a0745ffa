//! Thousands of broken files. None may panic, read beyond its end, or take more memory than a small multiple of
//! its length. `NM_FUZZ_INPUTS` sets how many there are of each kind.

use std::path::Path;

use ::safetensors::tensor::{TensorView, serialize};
use ::safetensors::{Dtype, SafeTensors};
use memmap2::MmapMut;

use super::allocator::peak;
use super::pickler::{archive, entries, ordered_dict, state_dict, tensor, text};
use super::*;
use crate::weights::checkpoint::{Checkpoint, MappedFile, Tensors};
use crate::weights::{safetensors, torch};

/// Bytes of memory for each byte of a file, and for any file: what hash tables and error messages need.
const MEMORY_PER_BYTE: usize = 100;
const MEMORY: usize = 16 << 10;

type Reader = fn(&Path, &[u8]) -> Result<Tensors, Error>;

/// A small, fast generator of numbers; the seed is all that a failure needs.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 16
    }

    fn below(&mut self, n: usize) -> usize {
        self.next() as usize % n.max(1)
    }

    fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let start = self.below(len);
        start..start + 1 + self.below((len - start).min(64))
    }

    fn one<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// Bytes that a format may trip over: extreme numbers, and instructions of pickles.
const TRIPWIRES: [&[u8]; 14] = [
    &[0; 8],
    &[0xFF; 8],
    &[0xFF; 4],
    &[0xFF, 0xFF, 0xFF, 0x7F],
    &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
    &[0, 0, 0, 0x80],
    b"(((t\x85\x86\x87",
    b"}q\0h\0h\0s",
    b")R",
    b"Q",
    b"cos\nsystem\n",
    b"99999999999999999999",
    b"[[[[",
    b"PK\x05\x06",
];

/// One to four small accidents.
fn mutate(random: &mut Random, original: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return bytes;
        }
        let at = random.below(bytes.len());
        match random.below(8) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => bytes.truncate(at),
            3 => {
                let wire = random.one(&TRIPWIRES);
                let end = (at + wire.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&wire[..end - at]);
            }
            4 => {
                let wire = random.one(&TRIPWIRES);
                bytes.splice(at..at, wire.iter().copied());
            }
            5 => {
                // A piece is put where another one was.
                let piece = bytes[random.range(bytes.len())].to_vec();
                bytes.splice(random.range(bytes.len()), piece);
            }
            6 => {
                bytes.drain(random.range(bytes.len()));
            }
            _ => bytes[at] = *random.one(&[&b'0', &b'9', &b'-', &b'[', &b'"', &b't', &b'R', &b'(']),
        }
    }
    bytes
}

fn mapped(bytes: &[u8]) -> memmap2::Mmap {
    let mut map = MmapMut::map_anon(bytes.len().max(1)).unwrap();
    map[..bytes.len()].copy_from_slice(bytes);
    map.make_read_only().unwrap()
}

/// Reads a file as a whole: what there is, under which names, how it differs, and every element.
fn read_all(file: &[u8], read: Reader, config: &Config) -> Result<usize, Error> {
    let tensors = read(Path::new("fuzz"), file)?;
    let files = vec![MappedFile { name: "fuzz".to_owned(), bytes: mapped(file) }];
    let checkpoint = Checkpoint { files, tensors: tensors.into_iter().collect() };
    let named = Named::of(&checkpoint);
    let report = named.compare(config);
    assert!(!report.problems().is_empty(), "no small file is a model");
    for (_, stored) in &checkpoint.tensors {
        let values = elements::widen(stored.dtype, &checkpoint.elements(stored));
        assert!(!elements::is_float(stored.dtype) || Some(values.len()) == elements::count(&stored.shape));
    }
    Ok(checkpoint.tensors.len())
}

/// Reads thousands of files that `make` makes.
fn fuzz(read: Reader, mut make: impl FnMut(&mut Random) -> Vec<u8>) {
    let n_inputs: u64 = std::env::var("NM_FUZZ_INPUTS").map_or(20_000, |n| n.parse().unwrap());
    let config = config("retrieval");
    let (mut n_read, mut most, mut most_per_byte) = (0, 0, 0.0_f64);
    for seed in 0..n_inputs {
        let file = make(&mut Random(seed));
        let (outcome, memory) = peak(|| read_all(&file, read, &config).is_ok());
        let limit = MEMORY + fixed_memory(&config) + MEMORY_PER_BYTE * file.len();
        assert!(memory <= limit, "seed {seed}: {memory} bytes for a file of {}", file.len());
        n_read += u64::from(outcome);
        most = most.max(memory);
        most_per_byte = most_per_byte.max(memory as f64 / file.len().max(1) as f64);
    }
    println!(
        "{n_inputs} inputs, {n_read} of them readable; most memory {most} bytes, {most_per_byte:.1} per byte"
    );
    assert!(n_read > 0 && n_read < n_inputs);
}

/// What the names of the config take, and the messages about all of them: no part of the file.
fn fixed_memory(config: &Config) -> usize {
    let heads = crate::Heads { pooler: true, masked_lm: true, own_decoder: true };
    1000 * crate::names::expected(config, heads).len()
}

/// A state dict of a few tensors of all kinds: shared, transposed, of other types, with metadata.
fn small_state_dict() -> Vec<u8> {
    let freq = tensor("FloatStorage", "1", 4, 0, &[1, 4], &[4, 1]);
    let filter = "bert.encoder.layer.0.attention.filter_fn.implicit_filter";
    let items = [
        ("bert.embeddings.position_ids".to_owned(), tensor("LongStorage", "0", 2, 0, &[1, 2], &[2, 1])),
        (format!("{filter}.1.freq"), freq.clone()),
        (format!("{filter}_rev.3.freq"), freq),
        ("pooler.dense.weight".to_owned(), tensor("HalfStorage", "2", 6, 0, &[3, 2], &[1, 3])),
        ("module.pooler.dense.bias".to_owned(), tensor("BFloat16Storage", "3", 4, 1, &[3], &[1])),
        ("cls.predictions.bias".to_owned(), tensor("FloatStorage", "1", 4, 1, &[3], &[1])),
        ("cls.predictions.decoder.bias".to_owned(), tensor("FloatStorage", "1", 4, 1, &[3], &[1])),
        ("mask".to_owned(), tensor("BoolStorage", "0", 16, 0, &[4, 4], &[4, 1])),
    ];
    let items: Vec<_> = items.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let mut pickle = state_dict(&items);
    // Attributes, in place of the instruction to stop.
    pickle.pop();
    pickle.extend([b"}".as_slice(), &text("_metadata"), &ordered_dict(), &text(""), b"}ssb."].concat());
    pickle
}

fn small_archive(pickle: &[u8]) -> Vec<u8> {
    archive(&entries(pickle, &[("0", &[1; 16]), ("1", &[2; 16]), ("2", &[3; 12]), ("3", &[4; 8])]))
}

fn small_safetensors() -> Vec<u8> {
    let data = [7; 16];
    let view = |dtype, shape: &[usize], n| TensorView::new(dtype, shape.to_vec(), &data[..n]).unwrap();
    let views = [
        ("bert.embeddings.position_ids", view(Dtype::I64, &[1, 2], 16)),
        ("bert.encoder.layer.0.attention.filter_fn.implicit_filter.1.freq", view(Dtype::F32, &[1, 4], 16)),
        ("bert.encoder.layer.0.attention.filter_fn.implicit_filter.5.freq", view(Dtype::F32, &[1, 4], 16)),
        ("pooler.dense.bias", view(Dtype::BF16, &[3], 6)),
        ("model.pooler.dense.weight", view(Dtype::F16, &[3, 2], 12)),
    ];
    serialize(views, None).unwrap()
}

#[test]
fn broken_torch_files_are_harmless() {
    let whole = small_archive(&small_state_dict());
    assert_eq!(read_all(&whole, torch::read, &config("retrieval")).unwrap(), 8);
    fuzz(torch::read, |random| mutate(random, &whole));
}

#[test]
fn broken_pickles_in_whole_archives_are_harmless() {
    let pickle = small_state_dict();
    fuzz(torch::read, |random| small_archive(&mutate(random, &pickle)));
}

#[test]
fn broken_safetensors_are_harmless() {
    let whole = small_safetensors();
    assert_eq!(read_all(&whole, safetensors::read, &config("retrieval")).unwrap(), 5);
    fuzz(safetensors::read, |random| mutate(random, &whole));
}

#[test]
fn broken_headers_of_the_right_length_are_harmless() {
    let whole = small_safetensors();
    let (len, _) = SafeTensors::read_metadata(&whole).unwrap();
    let (header, data) = whole[8..].split_at(len);
    fuzz(safetensors::read, |random| {
        let header = mutate(random, header);
        [(header.len() as u64).to_le_bytes().as_slice(), &header, data].concat()
    });
}

/// As many items as fit, of one tensor with as many dimensions as may be.
fn many_names(n: usize) -> Vec<u8> {
    let make = tensor("FloatStorage", "0", 1, 0, &[1; 8], &[1; 8]);
    let mut program = [b"}(".as_slice(), &text("w"), &make, b"q\x07"].concat();
    for i in 0.. {
        let item = [text(&format!("{i:x}")).as_slice(), b"h\x07"].concat();
        if program.len() + item.len() + 2 > n {
            break;
        }
        program.extend(item);
    }
    program.extend(b"u.");
    program
}

/// The worst that an instruction can do, a million times.
#[test]
fn a_large_pickle_of_nothing_takes_a_bounded_amount_of_memory() {
    let long = |part: &[u8], n: usize| part.iter().copied().cycle().take(n).collect::<Vec<u8>>();
    let n = torch::MAX_PICKLE_LEN - 64;
    // Dictionaries, marks, tuples in tuples, calls, entries of the memo, tensors, and names of tensors.
    let memo: Vec<u8> =
        (0..n as u32 / 5).flat_map(|i| [[b'r'].as_slice(), &i.to_le_bytes()].concat()).collect();
    let make = tensor("FloatStorage", "0", 1, 0, &[1], &[1]);
    let parts = [b"}".as_slice(), b"(", b")", b"N\x85", b"N(t"];
    let mut programs: Vec<Vec<u8>> = parts.map(|part| long(part, n)).to_vec();
    let called =
        [b"ccollections\nOrderedDict\nq\x01)q\x02".as_slice(), &long(b"h\x01h\x02R", n - 100)].concat();
    programs.push(called);
    programs.push([b"N".as_slice(), &memo].concat());
    programs.push(long(&make, n));
    programs.push(many_names(n));
    for program in programs {
        let file = small_archive(&[b"\x80\x02".as_slice(), &program, b"}."].concat());
        let (_, memory) = peak(|| read_all(&file, torch::read, &config("retrieval")));
        assert!(memory < MEMORY_PER_BYTE * file.len(), "{memory} bytes for {:?}…", &program[..4]);
        println!(
            "{:?}…: {:.1} bytes of memory for each byte",
            &program[..4],
            memory as f64 / file.len() as f64
        );
    }
    let too_large = small_archive(&long(b"N", torch::MAX_PICKLE_LEN + 1));
    let error = read_all(&too_large, torch::read, &config("retrieval")).unwrap_err().to_string();
    assert!(error.contains("data.pkl has 1048577 bytes, more than"), "{error}");
}
