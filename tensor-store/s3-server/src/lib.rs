//! An S3 server in memory, in this process: for tests, and for trying the product against S3 without an account.
//!
//! The protocol is the crate s3s': HTTP, XML, and signatures that are checked. What is ours is the map behind it
//! (`objects.rs`), since a bucket promises more than files on a disk keep: keys are flat and up to 1024 bytes long,
//! `If-None-Match: *` lets exactly one of many writers win, a listing is paged by 1000.
#![warn(missing_docs)]

mod bucket;
mod objects;

use std::net::SocketAddr;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::bucket::Bucket;

/// The name of the only bucket.
pub const BUCKET: &str = "nightmend";

/// Who may use it, and with which secret. It holds nothing and listens on this machine only.
const ACCESS_KEY: &str = "nightmend";
const SECRET_KEY: &str = "nightmend-secret";

/// A running server. It stops when this is dropped.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    bucket: Bucket,
    _stop: DropGuard,
}

impl S3Server {
    /// Starts a server with an empty bucket, on 127.0.0.1 and the given port; 0 takes a free one.
    ///
    /// # Errors
    /// If the port cannot be had.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn start(port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let bucket = Bucket::default();
        let mut service = S3ServiceBuilder::new(bucket.clone());
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(serve(listener, service.build(), tasks.clone(), stop.clone()));
        Ok(Self { address, bucket, _stop: stop.drop_guard() })
    }

    /// The variables with which S3 clients find this server and may use it.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ]
    }

    /// How many keys begin so.
    #[must_use]
    pub fn n_objects(&self, prefix: &str) -> usize {
        self.bucket.n_objects(prefix)
    }

    /// Answers the next `n_requests` with "503 slow down".
    pub fn refuse_next(&self, n_requests: u32) {
        self.bucket.refuse_next(n_requests);
    }

    /// Answers the next `n_requests` that create an object with "409 conflict", though nothing landed: what S3 does
    /// when two writers collide.
    pub fn collide_next(&self, n_requests: u32) {
        self.bucket.collide_next(n_requests);
    }
}

async fn serve(listener: TcpListener, service: S3Service, tasks: TaskTracker, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        // A client that is gone before it was accepted is its own concern.
        let Ok((stream, _)) = accepted else { continue };
        let (service, stop) = (service.clone(), stop.clone());
        tasks.spawn(async move {
            let http = Builder::new(TokioExecutor::new());
            tokio::select! {
                () = stop.cancelled() => {}
                // So is one that hangs up in the middle.
                _ = http.serve_connection(TokioIo::new(stream), service) => {}
            }
        });
    }
}
