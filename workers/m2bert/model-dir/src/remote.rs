//! An encoder in a process of its own, and the frames that it is spoken to with.
//!
//! Tensor libraries are heavy: they map half a gigabyte before the first tensor, want variables set before `main`,
//! and take their process along when memory runs out. So the model runs in `m2bert serve`, and whoever uses it links
//! none of that: [`RemoteEncoder`] starts the program and speaks to it over its standard input and output.
//!
//! A frame is a `u32` of its length in bytes, little-endian, and msgpack with field names. The program first sends
//! [`Reply::Ready`] or [`Reply::Failed`], then one reply for each [`TokenBatch`]; it ends when its input does.

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Encode, EncodeError, Encodings, TokenBatch};

/// What the program says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// The model is loaded.
    Ready {
        /// Width of the vectors, D.
        hidden_size: usize,
        /// The longest row, in tokens.
        max_tokens: usize,
    },
    /// The vectors of a batch.
    Encoded(Encodings),
    /// The batch, or loading, failed.
    Failed(EncodeError),
}

/// No frame may be larger than this: 128 MiB of vectors are far more rows than a batch has.
const MAX_FRAME: u32 = 128 << 20;

/// Writes one frame and flushes it.
///
/// # Errors
/// If the other side is gone.
pub fn write_frame<T: Serialize>(writer: &mut impl Write, value: &T) -> std::io::Result<()> {
    let body = rmp_serde::to_vec_named(value).map_err(std::io::Error::other)?;
    let length = u32::try_from(body.len()).ok().filter(|length| *length <= MAX_FRAME);
    let length = length.ok_or_else(|| std::io::Error::other("the frame is too large"))?;
    writer.write_all(&length.to_le_bytes())?;
    writer.write_all(&body)?;
    writer.flush()
}

/// Reads one frame; nothing if the other side ended between two frames.
///
/// # Errors
/// If it ended within one, or sent something else.
pub fn read_frame<T: DeserializeOwned>(reader: &mut impl Read) -> std::io::Result<Option<T>> {
    let mut length = [0; 4];
    let n_read = reader.read(&mut length)?;
    if n_read == 0 {
        return Ok(None);
    }
    reader.read_exact(&mut length[n_read..])?;
    let length = u32::from_le_bytes(length);
    if length > MAX_FRAME {
        return Err(std::io::Error::other(format!("a frame of {length} bytes is too large")));
    }
    let mut body = vec![0; length as usize];
    reader.read_exact(&mut body)?;
    rmp_serde::from_slice(&body).map(Some).map_err(std::io::Error::other)
}

/// Answers batches with `encoder` until the input ends.
///
/// # Errors
/// If the other side is gone or sends something that is no batch.
pub fn serve(
    encoder: &mut dyn Encode,
    reader: &mut impl Read,
    writer: &mut impl Write,
) -> std::io::Result<()> {
    let ready = Reply::Ready { hidden_size: encoder.hidden_size(), max_tokens: encoder.max_tokens() };
    write_frame(writer, &ready)?;
    while let Some(batch) = read_frame::<TokenBatch>(reader)? {
        let reply = encoder.encode(&batch).map_or_else(Reply::Failed, Reply::Encoded);
        write_frame(writer, &reply)?;
    }
    Ok(())
}

/// How the process of a model is to run. What is absent is left to the program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServeOptions {
    /// Threads of the processor.
    pub n_threads: usize,
    /// `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
    pub device: Option<String>,
    /// Type of matrix products: `f32` or `bf16`.
    pub dtype: Option<String>,
    /// Memory that the process may take, such as `4GiB`.
    pub memory_budget: Option<String>,
    /// Share of a GPU's memory that it may take.
    pub gpu_memory_fraction: Option<String>,
}

impl ServeOptions {
    /// Command line arguments.
    fn args(&self) -> Vec<String> {
        let mut args = vec!["--threads".to_owned(), self.n_threads.max(1).to_string()];
        for (name, value) in [
            ("--device", &self.device),
            ("--dtype", &self.dtype),
            ("--memory-budget", &self.memory_budget),
            ("--gpu-memory-fraction", &self.gpu_memory_fraction),
        ] {
            args.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
        }
        args
    }
}

/// A model in a process of its own. Dropped, the process is ended.
#[derive(Debug)]
pub struct RemoteEncoder {
    child: Child,
    requests: Option<BufWriter<ChildStdin>>,
    replies: BufReader<ChildStdout>,
    hidden_size: usize,
    max_tokens: usize,
}

impl RemoteEncoder {
    /// Starts `program serve DIR` with these options and waits until the model is loaded.
    ///
    /// # Errors
    /// [`EncodeError::Device`] if the program cannot be started or does not load the model.
    pub fn start(program: &Path, dir: &Path, options: &ServeOptions) -> Result<Self, EncodeError> {
        let mut command = Command::new(program);
        command.arg("serve").arg(dir).args(options.args());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A signal to our group is ours to handle: the model goes on until we are done with it.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let cannot = |error: std::io::Error| {
            EncodeError::Device(format!("`{}` cannot be started: {error}", program.display()))
        };
        let mut child = command.spawn().map_err(cannot)?;
        let requests = child.stdin.take().map(BufWriter::new);
        let replies = BufReader::new(child.stdout.take().expect("it was asked for"));
        let mut remote = Self { child, requests, replies, hidden_size: 0, max_tokens: 0 };
        match remote.reply()? {
            Reply::Ready { hidden_size, max_tokens } => {
                (remote.hidden_size, remote.max_tokens) = (hidden_size, max_tokens);
                Ok(remote)
            }
            Reply::Failed(error) => Err(error),
            Reply::Encoded(_) => Err(EncodeError::Device("the model process answers out of turn".to_owned())),
        }
    }

    fn reply(&mut self) -> Result<Reply, EncodeError> {
        match read_frame(&mut self.replies) {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(EncodeError::Device(format!("the model process ended{}", self.ending()))),
            Err(error) => Err(EncodeError::Device(format!("the model process broke off: {error}"))),
        }
    }

    fn ending(&mut self) -> String {
        self.child.wait().map_or_else(|_| String::new(), |status| format!(": {status}"))
    }
}

impl Encode for RemoteEncoder {
    fn hidden_size(&self) -> usize {
        self.hidden_size
    }

    fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    fn encode(&mut self, batch: &TokenBatch) -> Result<Encodings, EncodeError> {
        let requests = self.requests.as_mut().expect("open until dropped");
        let gone = |error| EncodeError::Device(format!("the model process takes nothing: {error}"));
        write_frame(requests, batch).map_err(gone)?;
        match self.reply()? {
            Reply::Encoded(encodings) if encodings.n_rows == batch.n_rows() => Ok(encodings),
            Reply::Failed(error) => Err(error),
            _ => Err(EncodeError::Device("the model process answers out of turn".to_owned())),
        }
    }
}

impl Drop for RemoteEncoder {
    fn drop(&mut self) {
        // It ends with its input; killed in case it is in the middle of a long batch that nobody wants.
        drop(self.requests.take());
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(vectors: &[f32]) -> Encodings {
        Encodings {
            hidden_size: 1,
            n_rows: vectors.len(),
            sentence: vectors.to_vec(),
            mean: vectors.to_vec(),
            ..Encodings::default()
        }
    }

    /// Says of each row its length.
    struct Lengths;

    impl Encode for Lengths {
        fn hidden_size(&self) -> usize {
            1
        }

        fn max_tokens(&self) -> usize {
            3
        }

        fn encode(&mut self, batch: &TokenBatch) -> Result<Encodings, EncodeError> {
            if batch.max_len() > 3 {
                return Err(EncodeError::BadBatch { row: 0, reason: "too long".to_owned() });
            }
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let lengths: Vec<f32> = batch.rows().iter().map(|row| row.len() as f32).collect();
            Ok(answer(&lengths))
        }
    }

    #[test]
    fn batches_are_answered_in_order_and_a_bad_one_does_not_end_it() {
        let batches = [vec![vec![1, 2], vec![3]], vec![vec![1; 4]], vec![vec![7; 3]]].map(TokenBatch::new);
        let mut requests = Vec::new();
        for batch in &batches {
            write_frame(&mut requests, batch).unwrap();
        }
        let mut replies = Vec::new();
        serve(&mut Lengths, &mut requests.as_slice(), &mut replies).unwrap();
        let mut replies = replies.as_slice();
        let mut next = || read_frame::<Reply>(&mut replies).unwrap();
        assert_eq!(next(), Some(Reply::Ready { hidden_size: 1, max_tokens: 3 }));
        assert_eq!(next(), Some(Reply::Encoded(answer(&[2.0, 1.0]))));
        assert!(matches!(next(), Some(Reply::Failed(EncodeError::BadBatch { row: 0, .. }))));
        assert_eq!(next(), Some(Reply::Encoded(answer(&[3.0]))));
        assert_eq!(next(), None);
    }

    #[test]
    fn half_a_frame_and_a_huge_one_are_errors() {
        assert!(read_frame::<Reply>(&mut [1, 0].as_slice()).is_err());
        assert!(read_frame::<Reply>(&mut [9, 0, 0, 0, 1].as_slice()).is_err());
        assert!(read_frame::<Reply>(&mut [255; 8].as_slice()).is_err());
    }

    #[test]
    fn only_what_is_set_is_passed_on() {
        assert_eq!(ServeOptions::default().args(), ["--threads", "1"]);
        let options =
            ServeOptions { n_threads: 3, dtype: Some("bf16".to_owned()), ..ServeOptions::default() };
        assert_eq!(options.args(), ["--threads", "3", "--dtype", "bf16"]);
    }

    #[test]
    fn a_program_that_ends_at_once_is_an_error_that_says_so() {
        let error = RemoteEncoder::start(Path::new("/bin/false"), Path::new("/"), &ServeOptions::default())
            .unwrap_err();
        assert!(error.to_string().contains("ended"), "{error}");
        let error =
            RemoteEncoder::start(Path::new("/no/such/program"), Path::new("/"), &ServeOptions::default())
                .unwrap_err();
        assert!(error.to_string().contains("/no/such/program"), "{error}");
    }
}
