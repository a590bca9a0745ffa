//! `REPO[@REV]`: one repository as people write it, made into a [`RepoSpec`].

use std::path::Path;

use schemas::RepoSpec;

/// Why a repository argument cannot be used. Never shows a password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Nothing where a repository should be.
    #[error("a repository is empty: `{0}`")]
    Empty(String),
    /// A password would end up in the object store, in logs and in the process list.
    #[error(
        "the URL of `{host}` holds a password: leave it out, and give a token by NM_GIT_TOKEN or use ssh"
    )]
    Password {
        /// The part of the URL that may be shown.
        host: String,
    },
    /// A URL that nothing can be cloned from. The text is not repeated: it may hold a secret in an odd place.
    #[error("a repository URL cannot be used: {reason}")]
    BadUrl {
        /// What is wrong with it.
        reason: String,
    },
    /// A path that cannot be written into a spec.
    #[error("`{path}` is not UTF-8")]
    NotUtf8 {
        /// As far as it can be shown.
        path: String,
    },
    /// A revision that git would take for an option or several.
    #[error("`{0}` cannot be a revision")]
    BadRev(String),
}

/// What repositories can be cloned over.
const SCHEMES: [&str; 5] = ["https", "ssh", "file", "http", "git"];

/// Reads `REPO[@REV]`; relative paths are relative to `cwd`.
///
/// The revision stands behind the last `@` that is no part of the location: in `git@host:path` and
/// `https://user@host/path` it is one. A path that exists as a whole has no revision.
///
/// # Errors
/// See [`Error`].
pub fn parse(text: &str, cwd: &Path) -> Result<RepoSpec, Error> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('@') {
        return Err(Error::Empty(text.to_owned()));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return remote(scheme, rest);
    }
    if cwd.join(text).exists() {
        return local(text, None, cwd);
    }
    let (location, rev) = split_rev(text, scp_location(text).unwrap_or(0))?;
    if scp_location(location).is_some() {
        return Ok(RepoSpec { url: location.to_owned(), rev });
    }
    local(location, rev, cwd)
}

/// `scheme://[user@]host/path[@rev]`: the location ends where the path begins.
fn remote(scheme: &str, rest: &str) -> Result<RepoSpec, Error> {
    let path_start = rest.find('/').unwrap_or(rest.len());
    let authority = &rest[..path_start];
    if let Some((user, host)) = authority.rsplit_once('@')
        && user.contains(':')
    {
        return Err(Error::Password { host: host.to_owned() });
    }
    let (location, rev) = split_rev(rest, path_start)?;
    let url = format!("{}://{}", scheme.to_ascii_lowercase(), location.trim_end_matches('/'));
    check_url(&url)?;
    Ok(RepoSpec { url, rev })
}

fn check_url(url: &str) -> Result<(), Error> {
    let parsed = url::Url::parse(url).map_err(|error| Error::BadUrl { reason: error.to_string() })?;
    if !SCHEMES.contains(&parsed.scheme()) {
        let reason = format!("`{}` is none of {}", parsed.scheme(), SCHEMES.join(", "));
        return Err(Error::BadUrl { reason });
    }
    if matches!(parsed.path(), "" | "/") {
        return Err(Error::BadUrl { reason: "it names no repository on its host".to_owned() });
    }
    Ok(())
}

/// Where the path of `[user@]host:path` begins, if the text is of that form: a colon before any slash.
fn scp_location(text: &str) -> Option<usize> {
    let colon = text.find(':')?;
    (colon > 0 && !text[..colon].contains('/')).then_some(colon)
}

/// Cuts at the last `@` behind `start`.
fn split_rev(text: &str, start: usize) -> Result<(&str, Option<String>), Error> {
    match text[start..].rfind('@') {
        None => Ok((text, None)),
        Some(at) => {
            let rev = &text[start + at + 1..];
            let odd = |c: char| {
                c.is_whitespace() || c.is_control() || matches!(c, ':' | '~' | '^' | '?' | '*' | '[' | '\\')
            };
            if rev.is_empty() || rev.starts_with('-') || rev.contains(odd) {
                return Err(Error::BadRev(rev.to_owned()));
            }
            Ok((&text[..start + at], Some(rev.to_owned())))
        }
    }
}

/// A path that is not there is a repository like any other: it fails alone, and the others of the job go on.
fn local(path: &str, rev: Option<String>, cwd: &Path) -> Result<RepoSpec, Error> {
    let absolute = cwd.join(path);
    let absolute = absolute.canonicalize().unwrap_or(absolute);
    let url =
        absolute.to_str().ok_or_else(|| Error::NotUtf8 { path: absolute.display().to_string() })?.to_owned();
    Ok(RepoSpec { url, rev })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, url: &str, rev: Option<&str>) {
        let parsed = parse(text, Path::new("/nonexistent")).unwrap();
        assert_eq!((parsed.url.as_str(), parsed.rev.as_deref()), (url, rev), "{text}");
    }

    #[test]
    fn a_revision_stands_behind_the_last_at_of_the_path() {
        check("https://example.org/a/b", "https://example.org/a/b", None);
        check("https://example.org/a/b.git@v1.2", "https://example.org/a/b.git", Some("v1.2"));
        check("https://example.org/a/b/@v1", "https://example.org/a/b", Some("v1"));
        check("https://me@example.org/a/b", "https://me@example.org/a/b", None);
        check("https://me@example.org/a/b@feature/x", "https://me@example.org/a/b", Some("feature/x"));
        check("https://example.org/@scope/b@main", "https://example.org/@scope/b", Some("main"));
        check("HTTPS://example.org:8443/a@b", "https://example.org:8443/a", Some("b"));
        check("ssh://git@example.org:22/a/b@main", "ssh://git@example.org:22/a/b", Some("main"));
        check("git@example.org:a/b", "git@example.org:a/b", None);
        check("git@example.org:a/b@main", "git@example.org:a/b", Some("main"));
        check("host:a/b@0123abc", "host:a/b", Some("0123abc"));
        check("file:///srv/a@b", "file:///srv/a", Some("b"));
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        let error = parse("https://me:hush@example.org/a", Path::new("/")).unwrap_err();
        assert_eq!(error, Error::Password { host: "example.org".into() });
        assert!(!error.to_string().contains("hush"));
        for odd in ["https://me:hush@hush@example.org/a", "https://me:hu/hush@example.org/a"] {
            let error = parse(odd, Path::new("/")).unwrap_err().to_string();
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_path_becomes_absolute_and_may_hold_an_at() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("a@b")).unwrap();
        std::fs::create_dir_all(root.join("plain")).unwrap();
        let of = |text: &str| parse(text, &root).unwrap();
        let url = |name: &str| root.join(name).to_str().unwrap().to_owned();
        assert_eq!(of("a@b"), RepoSpec { url: url("a@b"), rev: None });
        assert_eq!(of("./a@b@main"), RepoSpec { url: url("a@b"), rev: Some("main".into()) });
        assert_eq!(of("plain@v1"), RepoSpec { url: url("plain"), rev: Some("v1".into()) });
        assert_eq!(of("plain/../plain"), RepoSpec { url: url("plain"), rev: None });
        assert_eq!(of("."), RepoSpec { url: root.to_str().unwrap().into(), rev: None });
        assert_eq!(of("nowhere@v1"), RepoSpec { url: url("nowhere"), rev: Some("v1".into()) });
    }

    #[test]
    fn what_is_no_repository_is_named() {
        let error = |text: &str| parse(text, Path::new("/nonexistent")).unwrap_err();
        assert_eq!(error("  "), Error::Empty(String::new()));
        assert_eq!(error("@main"), Error::Empty("@main".into()));
        for url in ["ext://sh/a", "https://host", "https:///", "https://host:port/a"] {
            assert!(matches!(error(url), Error::BadUrl { .. }), "{url}");
        }
        for rev in ["", "--upload-pack=x", "a b", "a..b:c", "HEAD~1"] {
            assert_eq!(error(&format!("https://h/a@{rev}")), Error::BadRev(rev.trim().into()));
        }
    }
}
