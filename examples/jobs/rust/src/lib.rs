//! A backend for an HTTP job server: each task is a job there.
//!
//! Nothing is kept here. The server knows the jobs, and the id of the task is its idempotency key, so a
//! start that is repeated gets the same job. The handle is the job's id: after any restart it is all
//! that is needed.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use taskhost_sdk::http::{Request, Response};
use taskhost_sdk::serde_json::Value;
use taskhost_sdk::{
    Backend, CancelAnswer, Error, Handle, Observation, Progress, StartRequest, Task, Work, secrets,
};

/// The backend.
pub struct Jobs {
    url: String,
}

/// What the operator sets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the job server is.
    #[schemars(url)]
    url: String,
}

/// Renders a film on the job server.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Render {
    /// Which film.
    film: String,
    /// How long it takes.
    #[serde(default = "usual")]
    #[schemars(range(min = 0))]
    seconds: f64,
}

fn usual() -> f64 {
    3.0
}

/// A job as the server shows it.
#[derive(Deserialize)]
struct Job {
    id: String,
    state: State,
    #[serde(default)]
    progress: f64,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum State {
    Running,
    Done,
    Failed,
    Cancelled,
}

impl Backend for Jobs {
    const NAME: &'static str = "jobs-rust";
    const OBSERVE_EVERY: Option<Duration> = Some(Duration::from_millis(250));
    type Config = Config;

    fn new(config: Config) -> Result<Self, Error> {
        Ok(Self {
            url: config.url.trim_end_matches('/').to_owned(),
        })
    }

    async fn tasks(&self) -> Result<Vec<Task>, Error> {
        Ok(vec![
            Task::new::<Render>("render")
                .title("Render a film")
                .idempotent()
                .estimate(Duration::from_secs(3)),
        ])
    }

    async fn start(&self, request: StartRequest) -> Result<Handle, Error> {
        if request.task != "render" {
            return Err(Error::unknown(request.task));
        }
        let film: Render = request.arguments()?;
        let post = Request::post(format!("{}/jobs", self.url))
            .header("idempotency-key", request.id)
            .json(&film);
        let job: Job = ask(post).await?.success()?.json()?;
        Ok(job.id)
    }

    async fn observe(&self, work: &Work) -> Result<Observation, Error> {
        let Some(job) = found(ask(Request::get(self.job(work))).await?)? else {
            return Ok(Observation::Unknown);
        };
        Ok(match job.state {
            State::Running => Progress::of(job.progress, 1.0).into(),
            State::Done => Observation::completed(&job.result),
            State::Failed => Observation::failed("job", job.error),
            State::Cancelled => Observation::cancelled(None),
        })
    }

    async fn cancel(&self, work: &Work, _reason: Option<String>) -> Result<CancelAnswer, Error> {
        match found(ask(Request::delete(self.job(work))).await?)? {
            Some(job) if job.state == State::Cancelled => Ok(CancelAnswer::Accepted),
            Some(_) => Ok(CancelAnswer::AlreadyFinished),
            None => Err(Error::unknown(&work.handle)),
        }
    }
}

impl Jobs {
    fn job(&self, work: &Work) -> String {
        format!("{}/jobs/{}", self.url, work.handle)
    }
}

async fn ask(request: Request) -> Result<Response, Error> {
    // The host puts the token in, and only in requests to this server.
    let token = secrets::placeholder("JOBS_TOKEN");
    let request = request.header("authorization", format!("Bearer {token}"));
    request.send().await
}

/// The job in an answer, unless there is none.
fn found(answer: Response) -> Result<Option<Job>, Error> {
    if answer.status == 404 {
        return Ok(None);
    }
    answer.success()?.json().map(Some)
}

taskhost_sdk::export_backend!(Jobs);
taskhost_sdk::manifest!();

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use serde_json::json;
    use taskhost_sdk::Outcome;
    use taskhost_sdk::mock::Host;

    use super::*;

    #[test]
    fn a_task_is_a_job_and_the_token_stays_with_the_host() {
        let host = Host::new()
            .http(
                "POST http://jobs/jobs",
                201,
                json!({ "id": "7", "state": "running" }),
            )
            .http(
                "GET http://jobs/jobs/7",
                200,
                json!({ "id": "7", "state": "running", "progress": 0.5 }),
            )
            .http(
                "GET http://jobs/jobs/7",
                200,
                json!({ "id": "7", "state": "done", "result": 1 }),
            );
        let jobs: Rc<Jobs> = host.backend(&json!({ "url": "http://jobs/" })).unwrap();
        let request = StartRequest::sample("t1", "render", &json!({ "film": "x" }));
        let handle = host.run(jobs.start(request)).unwrap();
        let work = Work::sample("t1", &handle);
        let look = || host.run(jobs.observe(&work)).unwrap();
        assert_eq!(look(), Progress::of(0.5, 1.0).into());
        assert_eq!(
            look(),
            Observation::Finished(Outcome::Completed("1".into()))
        );
        let sent = &host.requests()[0];
        assert_eq!(
            sent.header("authorization"),
            Some("Bearer ${secret.JOBS_TOKEN}")
        );
        assert_eq!(sent.header("idempotency-key"), Some("t1"));
    }

    #[test]
    fn a_job_that_is_gone_is_unknown() {
        let host = Host::new().http(
            "GET http://jobs/jobs/7",
            404,
            json!({ "error": "no such job" }),
        );
        let jobs: Rc<Jobs> = host.backend(&json!({ "url": "http://jobs" })).unwrap();
        let seen = host.run(jobs.observe(&Work::sample("t1", "7"))).unwrap();
        assert_eq!(seen, Observation::Unknown);
    }
}
