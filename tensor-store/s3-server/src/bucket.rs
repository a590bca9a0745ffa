//! The operations of S3 on one bucket, as far as the product uses them. The others answer "not implemented".

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use s3s::dto::{
    CommonPrefix, CopyObjectInput, CopyObjectOutput, CopySource, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag, GetObjectInput, GetObjectOutput,
    HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input,
    ListObjectsV2Output, Object as ListedObject, PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp,
};
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};

use crate::BUCKET;
use crate::objects::{self, Entry, Object, Objects};

/// The most that S3 puts into one page of a listing.
const MAX_KEYS: usize = 1000;

/// The longest key of S3, in bytes.
const MAX_KEY_BYTES: usize = 1024;

/// The bucket. Clones share everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bucket {
    objects: Arc<Mutex<Objects>>,
    n_refusals: Arc<AtomicU32>,
    n_collisions: Arc<AtomicU32>,
}

impl Bucket {
    pub(crate) fn n_objects(&self, prefix: &str) -> usize {
        self.objects().keys().filter(|key| key.starts_with(prefix)).count()
    }

    pub(crate) fn refuse_next(&self, n_requests: u32) {
        self.n_refusals.store(n_requests, Ordering::Relaxed);
    }

    pub(crate) fn collide_next(&self, n_requests: u32) {
        self.n_collisions.store(n_requests, Ordering::Relaxed);
    }

    /// What stands before every operation.
    fn admit(&self, bucket: &str) -> S3Result<()> {
        if take_one(&self.n_refusals) {
            return Err(s3_error!(SlowDown));
        }
        if bucket == BUCKET { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &str) -> S3Result<Object> {
        self.objects().get(key).cloned().ok_or_else(|| s3_error!(NoSuchKey))
    }
}

/// Counts down, and says whether there was something left.
fn take_one(counter: &AtomicU32) -> bool {
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

async fn read(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let body = body.ok_or_else(|| s3_error!(IncompleteBody))?;
    let bytes: BytesMut = body.try_collect().await.map_err(|error| S3Error::internal_error(Unread(error)))?;
    Ok(bytes.freeze())
}

/// Why a body did not arrive.
#[derive(Debug)]
struct Unread(s3s::StdError);

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Unread {}

fn length(bytes: &Bytes) -> Option<i64> {
    i64::try_from(bytes.len()).ok()
}

fn tag(object: &Object) -> Option<ETag> {
    Some(ETag::Strong(object.tag.clone()))
}

fn modified(object: &Object) -> Option<Timestamp> {
    Some(object.modified.into())
}

#[async_trait::async_trait]
impl S3 for Bucket {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        self.admit(&input.bucket)?;
        if input.key.len() > MAX_KEY_BYTES {
            return Err(s3_error!(KeyTooLongError));
        }
        if input.if_match.is_some() {
            return Err(s3_error!(NotImplemented));
        }
        let creates = match &input.if_none_match {
            Some(condition) if !condition.is_any() => return Err(s3_error!(NotImplemented)),
            condition => condition.is_some(),
        };
        let object = Object::new(read(input.body).await?);
        if creates && take_one(&self.n_collisions) {
            return Err(s3_error!(ConditionalRequestConflict));
        }
        let mut objects = self.objects();
        if creates && objects.contains_key(&input.key) {
            return Err(s3_error!(PreconditionFailed));
        }
        let output = PutObjectOutput { e_tag: tag(&object), ..PutObjectOutput::default() };
        objects.insert(input.key, object);
        Ok(S3Response::new(output))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        self.admit(&input.bucket)?;
        let object = self.find(&input.key)?;
        let n_bytes = object.bytes.len() as u64;
        let mut bytes = object.bytes.clone();
        let mut content_range = None;
        if let Some(range) = input.range {
            let range = range.check(n_bytes)?;
            content_range = Some(format!("bytes {}-{}/{n_bytes}", range.start, range.end - 1));
            bytes = bytes.slice(range.start as usize..range.end as usize);
        }
        Ok(S3Response::new(GetObjectOutput {
            content_length: length(&bytes),
            content_range,
            e_tag: tag(&object),
            last_modified: modified(&object),
            body: Some(StreamingBlob::from(s3s::Body::from(bytes))),
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        self.admit(&request.input.bucket)?;
        let object = self.find(&request.input.key)?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: length(&object.bytes),
            e_tag: tag(&object),
            last_modified: modified(&object),
            ..HeadObjectOutput::default()
        }))
    }

    async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = request.input;
        self.admit(&input.bucket)?;
        let CopySource::Bucket { bucket, key, .. } = input.copy_source else {
            return Err(s3_error!(NotImplemented));
        };
        self.admit(&bucket)?;
        let object = self.find(&key)?;
        self.objects().insert(input.key, object);
        Ok(S3Response::new(CopyObjectOutput::default()))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.admit(&request.input.bucket)?;
        self.objects().remove(&request.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.admit(&request.input.bucket)?;
        let mut objects = self.objects();
        let deleted = request.input.delete.objects.into_iter().map(|object| {
            objects.remove(&object.key);
            DeletedObject { key: Some(object.key), ..DeletedObject::default() }
        });
        let output =
            DeleteObjectsOutput { deleted: Some(deleted.collect()), ..DeleteObjectsOutput::default() };
        Ok(S3Response::new(output))
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.admit(&request.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        self.admit(&input.bucket)?;
        let n_max = input.max_keys.map_or(MAX_KEYS, |n| usize::try_from(n).unwrap_or(0).min(MAX_KEYS));
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let delimiter = input.delimiter.as_deref().unwrap_or_default();
        let after = input.continuation_token.as_ref().or(input.start_after.as_ref());
        let after = after.map(String::as_str).unwrap_or_default();
        let page = objects::page(&self.objects(), prefix, delimiter, after, n_max);
        let (mut contents, mut folders) = (Vec::new(), Vec::new());
        for entry in page.entries {
            match entry {
                Entry::Folder(prefix) => folders.push(CommonPrefix { prefix: Some(prefix) }),
                Entry::Object(key, object) => contents.push(ListedObject {
                    key: Some(key),
                    size: length(&object.bytes),
                    e_tag: tag(&object),
                    last_modified: modified(&object),
                    ..ListedObject::default()
                }),
            }
        }
        Ok(S3Response::new(ListObjectsV2Output {
            key_count: i32::try_from(contents.len() + folders.len()).ok(),
            max_keys: i32::try_from(n_max).ok(),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next,
            contents: Some(contents),
            common_prefixes: Some(folders),
            continuation_token: input.continuation_token,
            delimiter: input.delimiter,
            encoding_type: input.encoding_type,
            name: Some(input.bucket),
            prefix: input.prefix,
            start_after: input.start_after,
            ..ListObjectsV2Output::default()
        }))
    }
}
