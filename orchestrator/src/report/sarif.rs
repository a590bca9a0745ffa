//! `report.sarif`: the findings in SARIF 2.1.0, for code hosts and editors. One run per repo of the job.
//!
//! The structs borrow from the report, so that a log of a million findings costs references. They name only what
//! is written; the standard has much more.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use schemas::path::RepoPath;
use schemas::report::{FindingReport, RepoReport, Report};
use schemas::result::Place;
use schemas::rules::{Level, RuleInfo};
use serde::Serialize;

use super::message::first_paragraph;

/// Paths are relative to this; the reader knows where its checkout is.
const ROOT: &str = "SRCROOT";

/// The name under which a fingerprint is stored; a new way to compute it gets a new number.
const FINGERPRINT: &str = "nightmend/v1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: Vec<Run<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    automation_details: AutomationDetails,
    invocations: [Invocation<'a>; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    version_control_provenance: Vec<VersionControl<'a>>,
    original_uri_base_ids: BTreeMap<&'static str, BaseId>,
    column_kind: &'static str,
    results: Vec<SarifResult<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    semantic_version: &'a str,
    rules: Vec<Descriptor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    id: &'a str,
    short_description: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_description: Option<OwnedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Help<'a>>,
    default_configuration: Configuration,
    properties: RuleProperties<'a>,
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct OwnedText {
    text: String,
}

/// The manual: readers that know no Markdown show it as it is.
#[derive(Serialize)]
struct Help<'a> {
    text: &'a str,
    markdown: &'a str,
}

#[derive(Serialize)]
struct Configuration {
    level: Level,
}

#[derive(Serialize)]
struct RuleProperties<'a> {
    tags: Vec<&'a str>,
    applicability: &'a str,
}

#[derive(Serialize)]
struct AutomationDetails {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'a> {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification<'a>>,
}

#[derive(Serialize)]
struct Notification<'a> {
    level: Level,
    message: Text<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VersionControl<'a> {
    /// The standard wants one; for a folder of a machine there is none to tell, hence no provenance.
    repository_uri: String,
    revision_id: &'a str,
    mapped_to: Mapped,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mapped {
    uri_base_id: &'static str,
}

#[derive(Serialize)]
struct BaseId {
    description: Text<'static>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: Level,
    message: Text<'a>,
    locations: [Location; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    uri_base_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
    byte_offset: u64,
    byte_length: u64,
}

/// The report as SARIF.
pub(super) fn log<'a>(report: &'a Report, catalogue: &'a [RuleInfo]) -> Log<'a> {
    let rules: Vec<(&str, Option<&RuleInfo>)> =
        report.rules.iter().map(|id| (&**id, catalogue.iter().find(|rule| rule.id == *id))).collect();
    Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: report.repos.iter().map(|repo| run(report, repo, &rules)).collect(),
    }
}

fn run<'a>(report: &'a Report, repo: &'a RepoReport, rules: &[(&'a str, Option<&'a RuleInfo>)]) -> Run<'a> {
    let index: BTreeMap<&str, usize> = rules.iter().enumerate().map(|(at, (id, _))| (*id, at)).collect();
    let description = Text { text: "The root of the repository at the scanned commit." };
    Run {
        tool: Tool {
            driver: Driver {
                name: "Nightmend",
                semantic_version: report.engine.rsplit('/').next().unwrap_or_default(),
                rules: rules.iter().map(|(id, info)| descriptor(id, *info)).collect(),
            },
        },
        // The slash says that this is a category, without an id of a single run.
        automation_details: AutomationDetails { id: format!("nightmend/{}/", repo.repo) },
        invocations: [invocation(repo)],
        version_control_provenance: provenance(repo).into_iter().collect(),
        original_uri_base_ids: BTreeMap::from([(ROOT, BaseId { description })]),
        column_kind: "utf16CodeUnits",
        results: repo.findings.iter().map(|finding| result(finding, &index)).collect(),
    }
}

fn descriptor<'a>(id: &'a str, info: Option<&'a RuleInfo>) -> Descriptor<'a> {
    let docs = info.map(|info| &*info.docs).filter(|docs| !docs.is_empty());
    let full = docs.and_then(|docs| first_paragraph(docs, "What it does"));
    Descriptor {
        id,
        short_description: Text { text: info.map_or(id, |info| &info.summary) },
        full_description: full.map(|text| OwnedText { text }),
        help: docs.map(|docs| Help { text: docs, markdown: docs }),
        default_configuration: Configuration { level: info.map_or(Level::Warning, |info| info.level) },
        properties: RuleProperties {
            tags: info.map_or_else(Vec::new, |info| {
                info.languages.iter().chain([&info.origin]).map(String::as_str).collect()
            }),
            applicability: info.map_or("none", |info| &info.applicability),
        },
    }
}

fn invocation(repo: &RepoReport) -> Invocation<'_> {
    let of_repo = repo.error.iter().map(|error| notification(error, None));
    let of_files = repo.failed.iter().map(|file| notification(&file.reason, Some(&file.path)));
    let of_rules =
        repo.rule_failures.iter().map(|failure| notification(&failure.reason, Some(&failure.path)));
    Invocation {
        execution_successful: repo.error.is_none(),
        tool_execution_notifications: of_repo.chain(of_files).chain(of_rules).collect(),
    }
}

fn notification<'a>(reason: &'a str, path: Option<&RepoPath>) -> Notification<'a> {
    let locations = path.map(|path| location(path, None)).into_iter().collect();
    Notification { level: Level::Error, message: Text { text: reason }, locations }
}

fn provenance(repo: &RepoReport) -> Option<VersionControl<'_>> {
    let (url, commit) = (repo.url.as_deref()?, repo.commit.as_deref()?);
    Some(VersionControl {
        repository_uri: repository_uri(url)?,
        revision_id: commit,
        mapped_to: Mapped { uri_base_id: ROOT },
    })
}

/// `host:path`, as ssh has it, is no URI.
fn repository_uri(url: &str) -> Option<String> {
    if url.contains("://") {
        return Some(url.to_owned());
    }
    let (host, path) = url.split_once(':')?;
    url::Url::parse(&format!("ssh://{host}/{}", path.trim_start_matches('/'))).ok().map(String::from)
}

fn result<'a>(finding: &'a FindingReport, index: &BTreeMap<&str, usize>) -> SarifResult<'a> {
    SarifResult {
        rule_id: &finding.rule,
        rule_index: index.get(&*finding.rule).copied(),
        level: finding.level,
        message: Text { text: &finding.message },
        locations: [location(&finding.path, Some(region(finding.place)))],
        partial_fingerprints: BTreeMap::from([(FINGERPRINT, finding.fingerprint.to_string())]),
    }
}

fn location(path: &RepoPath, region: Option<Region>) -> Location {
    let artifact_location = ArtifactLocation { uri: relative_uri(path.as_bytes()), uri_base_id: ROOT };
    Location { physical_location: PhysicalLocation { artifact_location, region } }
}

fn region(place: Place) -> Region {
    Region {
        start_line: place.line,
        start_column: place.column,
        end_line: place.end_line,
        end_column: place.end_column,
        byte_offset: place.start,
        byte_length: place.end.saturating_sub(place.start),
    }
}

/// What stays as it is in a path: the unreserved bytes of RFC 3986, and the slash.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A path as a URI reference. The colon is encoded too, so that no name such as `a:b` is read as a scheme.
fn relative_uri(path: &[u8]) -> String {
    percent_encode(path, PLAIN).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_relative_uris_byte_by_byte() {
        assert_eq!(relative_uri(b"src/a b.js"), "src/a%20b.js");
        assert_eq!(relative_uri(b"a:b%\xff"), "a%3Ab%25%FF");
    }

    #[test]
    fn an_ssh_address_becomes_a_uri() {
        assert_eq!(repository_uri("h.org:a/b.git").unwrap(), "ssh://h.org/a/b.git");
        assert_eq!(repository_uri("https://h.org/a").unwrap(), "https://h.org/a");
    }
}
