//! Stores in clouds: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.
//!
//! Region, endpoint, credentials and timeouts come from the variables that each cloud's own tools use: `AWS_*`,
//! `GOOGLE_*`, `AZURE_*`. Objects are created with one conditional request (`If-None-Match: *`, or what the cloud has
//! for it), so none can be larger than one request takes: 5 GiB on S3 and Google, 5000 MiB on Azure.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "s3")]
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
#[cfg(feature = "azure")]
use object_store::azure::MicrosoftAzureBuilder;
#[cfg(feature = "gcs")]
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use url::Url;

/// Names and values, as in an environment.
pub(crate) type Variables = [(String, String)];

/// Of one request and its answer: what a pack of a gigabyte takes on a slow line.
const TIMEOUT: &str = "10m";

/// Of an answer that stops coming.
const READ_TIMEOUT: &str = "30s";

/// Requests that fail for a moment are sent again, after a tenth of a second first, for at most a minute in all.
fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
            base: 2.0,
        },
        max_retries: 8,
        retry_timeout: Duration::from_secs(60),
    }
}

/// Settings by the names of their variables: our timeouts, as far as the environment does not set its own, and what
/// the caller wants instead of the environment.
fn settings<'a>(prefix: &str, variables: &'a Variables) -> impl Iterator<Item = (String, &'a str)> {
    let ours = [(format!("{prefix}_TIMEOUT"), TIMEOUT), (format!("{prefix}_READ_TIMEOUT"), READ_TIMEOUT)];
    let ours = ours.into_iter().filter(|(name, _)| std::env::var_os(name).is_none());
    let given = variables.iter().map(|(name, value)| (name.clone(), value.as_str()));
    ours.chain(given).map(|(name, value)| (name.to_ascii_lowercase(), value))
}

/// Opens `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`; `variables` count before those of the
/// process.
///
/// # Errors
/// A reason, without secrets.
pub(crate) fn open(url: &Url, variables: &Variables) -> Result<Arc<dyn ObjectStore>, String> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials belong in the environment, not in the URL".to_owned());
    }
    let bucket = url.host_str().filter(|host| !host.is_empty()).ok_or("no bucket in the URL")?;
    let prefix = Path::from_url_path(url.path()).map_err(|error| error.to_string())?;
    provide_cryptography();
    match url.scheme() {
        #[cfg(feature = "s3")]
        "s3" => s3(bucket, variables).map(|store| below(prefix, store)),
        #[cfg(feature = "gcs")]
        "gs" => gs(bucket, variables).map(|store| below(prefix, store)),
        #[cfg(feature = "azure")]
        "az" => az(bucket, variables).map(|store| below(prefix, store)),
        other => {
            Err(format!("this build has no {other}://: its features are s3, gcs (gs://) and azure (az://)"))
        }
    }
}

fn below(prefix: Path, store: impl ObjectStore) -> Arc<dyn ObjectStore> {
    if prefix.is_root() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, prefix)) }
}

/// The queue's client brings ring; with a second library in the program, rustls would not know which one to take.
fn provide_cryptography() {
    // Fails only if there is one already.
    rustls::crypto::ring::default_provider().install_default().ok();
}

#[cfg(feature = "s3")]
fn s3(bucket: &str, variables: &Variables) -> Result<impl ObjectStore, String> {
    use AmazonS3ConfigKey as ConfigKey;
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(retries());
    for (name, value) in settings("AWS", variables) {
        if let Ok(key) = name.parse() {
            builder = builder.with_config(key, value);
        }
    }
    // An own endpoint is no place where the machine itself has credentials, and asking it for them takes a minute.
    let is_set = |key| builder.get_config_value(&key).is_some();
    let is_unsigned = builder.get_config_value(&ConfigKey::SkipSignature).is_some_and(|skip| skip == "true");
    if is_set(ConfigKey::Endpoint) && !is_set(ConfigKey::AccessKeyId) && !is_unsigned {
        return Err("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned());
    }
    builder.build().map_err(|error| error.to_string())
}

#[cfg(feature = "gcs")]
fn gs(bucket: &str, variables: &Variables) -> Result<impl ObjectStore, String> {
    let mut builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).with_retry(retries());
    for (name, value) in settings("GOOGLE", variables) {
        if let Ok(key) = name.parse() {
            builder = builder.with_config(key, value);
        }
    }
    builder.build().map_err(|error| error.to_string())
}

#[cfg(feature = "azure")]
fn az(container: &str, variables: &Variables) -> Result<impl ObjectStore, String> {
    let mut builder = MicrosoftAzureBuilder::from_env().with_container_name(container).with_retry(retries());
    for (name, value) in settings("AZURE", variables) {
        if let Ok(key) = name.parse() {
            builder = builder.with_config(key, value);
        }
    }
    builder.build().map_err(|error| error.to_string())
}
