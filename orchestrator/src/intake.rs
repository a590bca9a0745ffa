//! Takes requests in: new jobs, and cancellations. After a restart, takes up what was left.

use std::time::Duration;

use anyhow::Context;
use bus::{Delivery, Settlement};
use schemas::messages::{JobCancelRequested, JobSubmitted, Message};
use schemas::{JobId, JobSpec, topology};
use tensor_store::Key;
use tracing::{error, info, warn};

use crate::job::{self, Input};
use crate::patience::is_transient;
use crate::service::Service;

/// Starts the loop.
///
/// # Errors
/// If the consumer is missing.
pub async fn start(service: &Service) -> anyhow::Result<()> {
    let mut inbox = service.bus.inbox(vec![topology::intake()]).await?;
    let service = service.clone();
    service.tasks.clone().spawn(async move {
        loop {
            let delivery = tokio::select! {
                biased;
                () = service.stop.cancelled() => return,
                delivery = inbox.next() => delivery,
            };
            handle(&service, delivery).await;
        }
    });
    Ok(())
}

async fn handle(service: &Service, delivery: Delivery) {
    let outcome = match delivery.kind() {
        JobCancelRequested::TYPE => match delivery.decode::<JobCancelRequested>() {
            Ok(request) => cancel(service, &request.job).await,
            Err(error) => Err(error.into()),
        },
        _ => match delivery.decode::<JobSubmitted>() {
            Ok(submitted) => take_up(service, &submitted.job).await,
            Err(error) => Err(error.into()),
        },
    };
    let settlement = match outcome {
        Ok(()) => Settlement::Done,
        Err(error) if is_transient(&error) => {
            Settlement::Retry { after: Duration::from_secs(1), reason: format!("{error:#}") }
        }
        Err(error) => Settlement::Poison { reason: format!("{error:#}") },
    };
    delivery.settle(settlement).await;
}

/// Stops a job. The mark in the store makes it stay stopped after a restart; it is written first.
async fn cancel(service: &Service, job: &JobId) -> anyhow::Result<()> {
    if service.store.exists(&Key::job_run(job.as_str())).await? {
        info!(job_id = %job, "job has ended, there is nothing to cancel");
        return Ok(());
    }
    service
        .store
        .put_new(&Key::job_cancelled(job.as_str()), bytes::Bytes::from_static(b"cancelled\n"))
        .await?;
    if !service.send(job, Input::Cancel).await {
        warn!(job_id = %job, "cancelled a job that is not active");
    }
    Ok(())
}

/// Starts a job whose spec is stored. A job that is active or has ended is left as it is.
async fn take_up(service: &Service, job: &JobId) -> anyhow::Result<()> {
    let store = &service.store;
    if service.is_active(job) {
        return Ok(());
    }
    if store.exists(&Key::job_run(job.as_str())).await?
        || store.exists(&Key::job_cancelled(job.as_str())).await?
    {
        return Ok(());
    }
    let spec = read_spec(service, job).await?;
    // From here on a clean-up leaves alone what this job may find and reuse.
    store.wait_for_sweep().await?;
    store.put_blob(Key::pipelines, spec.pipeline(&fixes::grammars()).to_json().into()).await?;
    if let Some(inputs) = service.register(job) {
        service.tasks.spawn(job::run(service.clone(), job.clone(), spec, inputs));
    }
    Ok(())
}

async fn read_spec(service: &Service, job: &JobId) -> anyhow::Result<JobSpec> {
    let bytes = service.store.get(&Key::job_spec(job.as_str())).await?;
    let spec: JobSpec = serde_json::from_slice(&bytes).context("read the spec of the job")?;
    anyhow::ensure!(spec.version == JobSpec::VERSION, "spec version {} is not known here", spec.version);
    Ok(spec)
}

/// Takes up every job of the store that has neither ended nor been cancelled: the queue may have lost its request.
///
/// # Errors
/// If the store cannot be listed.
pub async fn resume_all(service: &Service) -> anyhow::Result<()> {
    for name in service.store.list_folders("jobs").await? {
        let Ok(job) = name.parse::<JobId>() else { continue };
        if let Err(error) = take_up(service, &job).await {
            error!(job_id = %job, error = format!("{error:#}"), "job cannot be resumed");
        }
    }
    Ok(())
}
