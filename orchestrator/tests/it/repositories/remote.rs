//! Remotes over a socket: `git daemon` for shallow clones, a server that refuses every password.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use orchestrator::clone::{CloneError, mirror};
use orchestrator::credentials::Credentials;
use tokio_util::sync::CancellationToken;

use super::fixture::{Fixture, git};

/// `git daemon` over the folder of a fixture; killed when dropped.
struct Daemon {
    process: Child,
    url: String,
}

impl Daemon {
    /// `None`, loudly, where git has no daemon.
    fn start(fixture: &Fixture) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // Not through `git daemon`: killing that would leave the daemon itself behind.
        let programs = String::from_utf8(git(fixture.dir(), &["--exec-path"])).unwrap();
        let mut process = Command::new(Path::new(programs.trim_end()).join("git-daemon"))
            .args(["--export-all", "--reuseaddr", "--listen=127.0.0.1", "--verbose"])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", fixture.dir().display()))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .inspect_err(|error| eprintln!("SKIPPED: no git-daemon: {error}"))
            .ok()?;
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        if !lines.by_ref().map_while(Result::ok).any(|line| line.contains("Ready to rumble")) {
            eprintln!("SKIPPED: `git daemon` does not start here");
            process.wait().unwrap();
            return None;
        }
        // The daemon would stop at a full pipe.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Some(Self { process, url: format!("git://127.0.0.1:{port}") })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[test]
fn over_a_socket_one_commit_is_fetched_and_then_what_is_new() {
    let fixture = Fixture::with_files(&[("a.js", "var a;\n")]);
    let first = fixture.source.refname_to_id("refs/heads/main").unwrap();
    let second = fixture.commit_files("refs/heads/main", &[("a.js", "var b;\n")]);
    let other = fixture.commit_files("refs/heads/other", &[("b.js", "only here")]);
    let Some(daemon) = Daemon::start(&fixture) else { return };
    let url = format!("{}/source.git", daemon.url);
    let mirrored = fixture.mirror_of(&url, None).unwrap();
    assert_eq!(mirrored.commit, second);
    assert!(mirrored.open().unwrap().is_shallow());
    assert!(mirrored.open().unwrap().find_commit(first).is_err(), "depth 1");
    assert!(mirrored.open().unwrap().find_commit(other).is_err(), "only the ref that is needed");
    let third = fixture.commit_files("refs/heads/main", &[("a.js", "var c;\n")]);
    assert_eq!(fixture.mirror_of(&url, Some("main")).unwrap().commit, third);
    let short = first.to_string()[..10].to_owned();
    assert_eq!(fixture.mirror_of(&url, Some(&short)).unwrap().commit, first, "the mirror is deepened");
}

#[test]
fn an_object_id_is_found_though_the_server_gives_none_by_id() {
    let fixture = Fixture::with_files(&[("a.js", "var a;\n")]);
    let first = fixture.source.refname_to_id("refs/heads/main").unwrap();
    fixture.commit_files("refs/heads/main", &[("a.js", "var b;\n")]);
    let Some(daemon) = Daemon::start(&fixture) else { return };
    let url = format!("{}/source.git", daemon.url);
    assert_eq!(fixture.mirror_of(&url, Some(&first.to_string())).unwrap().commit, first);
    let nobody = "1234567890123456789012345678901234567890";
    let error = fixture.mirror_of(&url, Some(nobody)).unwrap_err();
    assert!(matches!(error, CloneError::NoSuchRev { .. }), "{error:?}");
}

#[test]
fn a_daemon_without_the_repo_and_a_closed_port_are_told_apart() {
    let fixture = Fixture::empty();
    let Some(daemon) = Daemon::start(&fixture) else { return };
    let error = fixture.mirror_of(&format!("{}/nothing.git", daemon.url), None).unwrap_err();
    assert!(matches!(error, CloneError::NotFound { .. }), "{error:?}");
    let error = fixture.mirror_of(&format!("{}/source.git", daemon.url), None).unwrap_err();
    assert!(matches!(error, CloneError::Empty { .. }), "{error:?}");
    let url = format!("{}/source.git", daemon.url);
    drop(daemon);
    let error = fixture.mirror_of(&url, None).unwrap_err();
    assert!(matches!(error, CloneError::Network { .. }) && error.is_retryable(), "{error:?}");
}

/// Answers every request with one status; returns the address of a repository on it.
fn serve_status(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(stream, status)));
    format!("127.0.0.1:{port}/a/private")
}

fn answer(mut stream: TcpStream, status: &str) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    if lines.by_ref().any(|line| line.is_empty()) {
        let headers = "WWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close";
        // The client may be gone already.
        write!(stream, "HTTP/1.1 {status}\r\n{headers}\r\n\r\n").ok();
    }
}

#[test]
fn a_refused_password_ends_and_is_never_shown() {
    let address = serve_status("401 Unauthorized");
    let fixture = Fixture::empty();
    let request = fixture.request(&format!("http://zoe:hunter2@{address}"), None);
    let token = ("NM_GIT_TOKEN".to_owned(), "hunter2-token".to_owned());
    let credentials = Credentials::from_variables([token].into_iter());
    let error = mirror(&request, &credentials, &CancellationToken::new()).unwrap_err();
    assert!(matches!(error, CloneError::Login { .. }), "{error:?}");
    let shown = format!("{error} {error:?} {request:?} {credentials:?}");
    assert!(shown.contains("/a/private") && !shown.contains("hunter2") && !shown.contains("zoe"), "{shown}");
    let mirrors = std::fs::read_dir(fixture.mirrors_dir()).unwrap();
    assert!(mirrors.flatten().all(|entry| !entry.path().to_string_lossy().contains("hunter2")));
}

#[test]
fn the_status_of_a_server_decides_whether_to_try_again() {
    let fixture = Fixture::empty();
    let missing = fixture.mirror_of(&format!("http://{}", serve_status("404 Not Found")), None).unwrap_err();
    assert!(matches!(missing, CloneError::NotFound { .. }), "{missing:?}");
    let url = format!("http://{}", serve_status("503 Service Unavailable"));
    let busy = fixture.mirror_of(&url, None).unwrap_err();
    assert!(busy.is_retryable(), "{busy:?}");
}
