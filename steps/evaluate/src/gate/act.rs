//! The one thing that `gate` writes beside its outputs: a GitHub issue for a model that was rejected.
//!
//! One issue a model, found again by a marker in its body and not by the search index, which lags; one comment a run, so
//! that a retry changes it and adds none. Whatever goes wrong here is a note in the report: the verdict stands.

use std::time::Duration;

use artifact_store::{Again, RetryPolicy, again_by_status, http_client, retry, retry_after};
use provenance::digest_bytes;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use step_report::{Note, Report};
use step_runtime::{Context, chain};

use super::cli::GateArgs;

/// All calls together: a notification does not hold up a pipeline.
const PATIENCE: Duration = Duration::from_secs(60);
/// Open issues are listed a hundred a page; a model's issue is among the youngest.
const PAGES: u32 = 5;
/// The label of every issue that we open.
const LABEL: &str = "model-gate-fail";
/// What GitHub takes as a body, with room for the marker.
const BODY_CHARS: usize = 60_000;

/// Opens or updates the issue of the rejected model, and says how that went. `None` when none is asked for.
pub(super) async fn issue(args: &GateArgs, report: &Report, cx: &Context) -> Option<Note> {
    let repository = args.github_repository.as_deref()?;
    let done = tokio::select! {
        done = tokio::time::timeout(PATIENCE, notify(args, repository, report, cx)) => done,
        () = cx.cancel.cancelled() => Ok(Err("the step was asked to stop".to_owned())),
    };
    Some(match done {
        Ok(Ok(what)) => Note::info(what),
        Ok(Err(why)) => Note::error(format!(
            "The GitHub issue in {repository} could not be written: {why}"
        )),
        Err(_) => Note::error(format!(
            "GitHub did not answer within {} s: no issue was written",
            PATIENCE.as_secs()
        )),
    })
}

async fn notify(args: &GateArgs, repository: &str, report: &Report, cx: &Context) -> Result<String, String> {
    let token = args
        .github_token
        .as_ref()
        .map(|token| token.expose())
        .filter(|token| !token.is_empty());
    let token = token.ok_or("there is no token: set GITHUB_TOKEN")?;
    let ca = cx.store.ca_bundle().await.map_err(|error| chain(&error))?;
    let api = args.github_api_url.trim_end_matches('/');
    let github = GitHub {
        http: http_client(&ca).map_err(|error| chain(&error))?,
        issues: format!("{api}/repos/{repository}/issues"),
        token: token.to_owned(),
    };
    let model = args.model.as_deref().unwrap_or("the challenger");
    let story = Story::of(repository, model, report);
    github.tell(&story).await
}

/// What there is to say, and under which marks it is found again.
struct Story {
    title: String,
    body: String,
    issue_mark: String,
    run_mark: String,
}

impl Story {
    fn of(repository: &str, model: &str, report: &Report) -> Self {
        let gates = report
            .inputs
            .iter()
            .find(|input| input.name == "gates")
            .map_or("", |input| input.uri.as_str());
        let gates = gates.rsplit('/').next().unwrap_or(gates);
        let fingerprint = digest_bytes(format!("{repository}|{model}|{gates}")).hex();
        let uid = std::env::var("ARGO_WORKFLOW_UID")
            .ok()
            .filter(|uid| !uid.is_empty());
        let run = uid.or_else(|| report.bindings.get("run_id").cloned());
        // Without a run to name, what was decided names it: a retry on the same evidence says the same.
        let run = run.unwrap_or_else(|| digest_bytes(&report.reason).short());
        let shown = quiet(&report.to_markdown());
        let end = shown
            .char_indices()
            .nth(BODY_CHARS)
            .map_or(shown.len(), |(at, _)| at);
        Self {
            title: quiet(&format!("Model {model} was rejected by its quality gates")),
            body: shown[..end].to_owned(),
            issue_mark: format!("<!-- mlops-gate:fp={} -->", &fingerprint[..16]),
            run_mark: format!("<!-- mlops-gate:run={run} -->"),
        }
    }
}

/// Without mentions of people and issues: a column called `@team` must wake nobody up.
fn quiet(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        let mention = c == '@' || (c == '#' && chars.peek().is_some_and(char::is_ascii_digit));
        if mention {
            out.push('\u{200B}');
        }
    }
    out
}

#[derive(Debug, Deserialize)]
struct Issue {
    number: u64,
    html_url: String,
    body: Option<String>,
    pull_request: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Comment {
    id: u64,
    body: Option<String>,
}

struct GitHub {
    http: Client,
    issues: String,
    token: String,
}

impl GitHub {
    async fn tell(&self, story: &Story) -> Result<String, String> {
        if let Some(issue) = self.find(story).await?.into_iter().next() {
            return self.comment(&issue, story).await;
        }
        let body = format!("{}\n{}\n\n{}", story.issue_mark, story.run_mark, story.body);
        let asked = json!({"title": story.title, "body": body, "labels": [LABEL]});
        let made = self.call(Method::POST, &self.issues, Some(&asked)).await;
        // A POST whose answer was lost may have been done: look before saying that it was not.
        let open = self.find(story).await.unwrap_or_default();
        let made: Option<Issue> = match made {
            Ok(issue) => serde_json::from_value(issue).ok(),
            Err(why) if open.is_empty() => return Err(why),
            Err(_) => None,
        };
        let first = open.iter().min_by_key(|issue| issue.number);
        match (made, first) {
            (Some(ours), Some(first)) if first.number < ours.number => {
                // Another run was faster: one issue a model.
                let close = json!({"state": "closed", "state_reason": "not_planned"});
                self.call(
                    Method::PATCH,
                    &format!("{}/{}", self.issues, ours.number),
                    Some(&close),
                )
                .await?;
                self.comment(first, story).await
            }
            (Some(ours), _) => Ok(format!("GitHub issue opened: {}", ours.html_url)),
            (None, Some(first)) => Ok(format!("GitHub issue opened: {}", first.html_url)),
            (None, None) => Err("GitHub's answer names no issue".to_owned()),
        }
    }

    /// Open issues with our mark, the lowest number first. Labels are dropped without the right to set them, so
    /// the mark is looked for without the label too.
    async fn find(&self, story: &Story) -> Result<Vec<Issue>, String> {
        for filter in [format!("&labels={LABEL}"), String::new()] {
            let mut found = Vec::new();
            for page in 1..=PAGES {
                let url = format!(
                    "{}?state=open&per_page=100&sort=created&direction=desc&page={page}{filter}",
                    self.issues
                );
                let listed = self.call(Method::GET, &url, None).await?;
                let issues: Vec<Issue> =
                    serde_json::from_value(listed).map_err(|error| format!("no list of issues: {error}"))?;
                let last = issues.len() < 100;
                found.extend(issues.into_iter().filter(|issue| {
                    issue.pull_request.is_none()
                        && issue
                            .body
                            .as_deref()
                            .is_some_and(|body| body.contains(&story.issue_mark))
                }));
                if last {
                    break;
                }
            }
            if !found.is_empty() {
                found.sort_by_key(|issue| issue.number);
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    /// This run's comment: changed when it is there, else added. The run that opened the issue is its body.
    async fn comment(&self, issue: &Issue, story: &Story) -> Result<String, String> {
        let said = format!("GitHub issue updated: {}", issue.html_url);
        if issue
            .body
            .as_deref()
            .is_some_and(|body| body.contains(&story.run_mark))
        {
            return Ok(said);
        }
        let comments = format!("{}/{}/comments", self.issues, issue.number);
        let body = json!({"body": format!("{}\n\n{}", story.run_mark, story.body)});
        for page in 1..=PAGES {
            let listed = self
                .call(Method::GET, &format!("{comments}?per_page=100&page={page}"), None)
                .await?;
            let there: Vec<Comment> =
                serde_json::from_value(listed).map_err(|error| format!("no list of comments: {error}"))?;
            let ours = there.iter().find(|comment| {
                comment
                    .body
                    .as_deref()
                    .is_some_and(|body| body.contains(&story.run_mark))
            });
            if let Some(ours) = ours {
                let url = format!("{}/comments/{}", self.issues, ours.id);
                self.call(Method::PATCH, &url, Some(&body)).await?;
                return Ok(said);
            }
            if there.len() < 100 {
                break;
            }
        }
        self.call(Method::POST, &comments, Some(&body)).await?;
        Ok(said)
    }

    /// One call. Reads are tried again; a write is not, for its effect is looked up instead.
    async fn call(&self, method: Method, url: &str, body: Option<&Value>) -> Result<Value, String> {
        let patience = if method == Method::GET {
            Duration::from_secs(15)
        } else {
            Duration::ZERO
        };
        let once = || self.once(method.clone(), url, body);
        let done = retry(&RetryPolicy::within(patience), once, |refused: &Refused| {
            refused.again
        })
        .await;
        done.map_err(|refused| refused.why)
    }

    async fn once(&self, method: Method, url: &str, body: Option<&Value>) -> Result<Value, Refused> {
        let mut request = self
            .http
            .request(method, url)
            .bearer_auth(&self.token)
            .header("Accept", "application/vnd.github+json")
            .header("X-GitHub-Api-Version", "2022-11-28");
        if let Some(body) = body {
            request = request.json(body);
        }
        let sent = request.send().await;
        let answer = sent.map_err(|error| Refused {
            why: chain(&error.without_url()),
            again: Again::Yes,
        })?;
        let status = answer.status();
        let pause = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|header| retry_after(header.to_str().ok()?));
        let value: Value = answer.json().await.unwrap_or_default();
        if status.is_success() {
            return Ok(value);
        }
        let said = value["message"].as_str().unwrap_or("no message");
        let hint = match status {
            StatusCode::UNAUTHORIZED => ": the token is not valid",
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                ": the token needs the right to write issues there"
            }
            StatusCode::GONE => ": issues are switched off there",
            _ => "",
        };
        Err(Refused {
            why: format!("HTTP {}: {said}{hint}", status.as_u16()),
            again: again_by_status(status.as_u16(), pause),
        })
    }
}

/// Why a call came to nothing.
struct Refused {
    why: String,
    again: Again,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::quiet;

    #[test]
    fn nobody_is_mentioned() {
        assert_eq!(
            quiet("@team sees #12 in ##x"),
            "@\u{200B}team sees #\u{200B}12 in ##x"
        );
    }
}
