//! The address of a repository, taken apart once: what may be shown, what goes to libgit2, and the secrets.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use crate::credentials::Secret;

/// How a repository is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A folder of this machine.
    Local(PathBuf),
    /// `https://` or `http://`.
    Http {
        /// Whether the connection is encrypted; tokens travel over nothing else.
        encrypted: bool,
        /// Lower case, with the port where it is not the usual one.
        host: String,
    },
    /// `ssh://user@host/path` or `user@host:path`.
    Ssh {
        /// The user on the far side; `git` if the address names none.
        user: String,
    },
    /// `git://`: no encryption, no login.
    Git,
}

/// User and password that were part of an address.
#[derive(Clone, Debug)]
pub struct UserInfo {
    /// May be a token by itself (`https://<token>@host/…`), so it is a secret too.
    pub user: Secret,
    /// What stood behind the colon.
    pub password: Option<Secret>,
}

/// A parsed address. `Display` and `Debug` never show what could be a secret.
#[derive(Clone)]
pub struct RemoteUrl {
    clean: String,
    transport: Transport,
    user_info: Option<UserInfo>,
}

/// The text is no address of a repository.
#[derive(Debug, thiserror::Error)]
#[error("`{clean}` is no address of a repository: {reason}")]
pub struct ParseUrlError {
    clean: String,
    reason: &'static str,
}

impl RemoteUrl {
    /// Parses `https://…`, `http://…`, `ssh://…`, `git://…`, `file://…`, `user@host:path` or an absolute path.
    ///
    /// # Errors
    /// Everything else, among it relative paths and helper addresses (`ext::…`).
    pub fn parse(text: &str) -> Result<Self, ParseUrlError> {
        if text.starts_with('/') {
            return Ok(Self::local(text, PathBuf::from(text)));
        }
        if !text.contains("://") {
            return Self::parse_scp(text);
        }
        let url = Url::parse(text).map_err(|_| refuse(text, "it does not parse as a URL"))?;
        match url.scheme() {
            "file" => {
                let path = url.to_file_path().map_err(|()| refuse(text, "it names another machine"))?;
                Ok(Self::local(text, path))
            }
            "http" | "https" => Self::http(url).ok_or_else(|| refuse(text, "it has no host")),
            "ssh" | "git+ssh" | "ssh+git" => Self::ssh(url).ok_or_else(|| refuse(text, "it has no host")),
            "git" if url.host_str().is_none() => Err(refuse(text, "it has no host")),
            "git" => Ok(Self { clean: text.to_owned(), transport: Transport::Git, user_info: None }),
            _ => Err(refuse(text, "https, http, ssh, git, file or a path is expected")),
        }
    }

    /// The address without anything secret: to show, to store, to hand to libgit2.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.clean
    }

    /// How it is reached.
    #[must_use]
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// User and password of the address, if it held some.
    #[must_use]
    pub fn user_info(&self) -> Option<&UserInfo> {
        self.user_info.as_ref()
    }

    /// The folder, for a local repository.
    #[must_use]
    pub fn local_path(&self) -> Option<&Path> {
        match &self.transport {
            Transport::Local(path) => Some(path),
            _ => None,
        }
    }

    /// What libgit2 is given: the plain path of a local repository, the clean address of others.
    pub(crate) fn for_libgit2(&self) -> String {
        self.local_path().map_or_else(|| self.clean.clone(), |path| path.to_string_lossy().into_owned())
    }

    fn local(text: &str, path: PathBuf) -> Self {
        Self { clean: text.to_owned(), transport: Transport::Local(path), user_info: None }
    }

    fn http(mut url: Url) -> Option<Self> {
        let host = host_and_port(&url)?;
        let user_info = take_user_info(&mut url);
        let transport = Transport::Http { encrypted: url.scheme() == "https", host };
        Some(Self { clean: url.to_string(), transport, user_info })
    }

    fn ssh(mut url: Url) -> Option<Self> {
        url.host_str()?;
        let user = if url.username().is_empty() { "git".to_owned() } else { url.username().to_owned() };
        let password = url.password().map(Secret::from_percent_encoded);
        url.set_password(None).ok()?;
        let user_info =
            password.map(|password| UserInfo { user: Secret::new(user.clone()), password: Some(password) });
        Some(Self { clean: url.to_string(), transport: Transport::Ssh { user }, user_info })
    }

    fn parse_scp(text: &str) -> Result<Self, ParseUrlError> {
        let reason = "https, http, ssh, git, file or an absolute path is expected";
        let (login, path) = text.split_once(':').ok_or_else(|| refuse(text, reason))?;
        let (user, host) = login.rsplit_once('@').unwrap_or(("git", login));
        let is_name = |name: &str| !name.is_empty() && !name.starts_with('-') && !name.contains(['/', '@']);
        if !is_name(user) || !is_name(host) || path.is_empty() || path.starts_with(':') {
            return Err(refuse(text, reason));
        }
        let transport = Transport::Ssh { user: user.to_owned() };
        Ok(Self { clean: text.to_owned(), transport, user_info: None })
    }
}

/// Host, with the port where the address names an unusual one.
pub(crate) fn host_and_port(url: &Url) -> Option<String> {
    let host = url.host_str()?.to_ascii_lowercase();
    Some(url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}

fn take_user_info(url: &mut Url) -> Option<UserInfo> {
    let user = Secret::from_percent_encoded(url.username());
    let password = url.password().map(Secret::from_percent_encoded);
    let cleaned = url.set_username("").and_then(|()| url.set_password(None));
    cleaned.expect("an http address has a host");
    (!user.is_empty() || password.is_some()).then_some(UserInfo { user, password })
}

/// An error about a text that did not parse: everything up to the last `@` could be a secret.
fn refuse(text: &str, reason: &'static str) -> ParseUrlError {
    let clean = match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        (None, Some((_, rest))) => rest.to_owned(),
        (_, None) => text.to_owned(),
    };
    ParseUrlError { clean, reason }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.clean)
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteUrl({})", self.clean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_leaves_the_address_when_it_is_parsed() {
        let url = RemoteUrl::parse("https://zoe:hunt%40er2@Example.org/a/b.git").unwrap();
        assert_eq!(url.as_str(), "https://example.org/a/b.git");
        assert_eq!(url.user_info().unwrap().password.as_ref().unwrap().reveal(), "hunt@er2");
        assert!(!format!("{url} {url:?} {:?}", url.user_info()).contains("hunt"));
        assert!(!format!("{:?}", url.user_info()).contains("zoe"), "a user may be a token");
    }

    #[test]
    fn ssh_addresses_keep_their_user_and_lose_their_password() {
        let url = RemoteUrl::parse("ssh://deploy:pass@example.org/a").unwrap();
        assert_eq!(url.as_str(), "ssh://deploy@example.org/a");
        assert_eq!(url.transport(), &Transport::Ssh { user: "deploy".to_owned() });
        let scp = RemoteUrl::parse("git@example.org:a/b").unwrap();
        assert_eq!(scp.transport(), &Transport::Ssh { user: "git".to_owned() });
    }

    #[test]
    fn paths_and_file_addresses_are_local() {
        assert_eq!(RemoteUrl::parse("/srv/a b").unwrap().local_path(), Some(Path::new("/srv/a b")));
        assert_eq!(RemoteUrl::parse("file:///srv/a%20b").unwrap().local_path(), Some(Path::new("/srv/a b")));
    }

    #[test]
    fn what_could_run_a_helper_or_depends_on_the_current_folder_is_refused() {
        for text in ["ext::sh -c id", "../x", "x", "", "ftp://h/x", "file://other/x", "-o:x", "https://"] {
            assert!(RemoteUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_that_does_not_parse_is_named_without_its_password() {
        let error = RemoteUrl::parse("https://me:hunter2@exa mple.org/x").unwrap_err();
        assert!(!error.to_string().contains("hunter2") && error.to_string().contains("mple.org/x"));
    }
}
