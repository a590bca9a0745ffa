//! How the orchestrator logs in to a remote: the ssh agent, tokens of the environment, a password of the address.
//!
//! Called by libgit2 through `Login::answer` whenever a server asks. Every way is tried once: libgit2 asks again
//! after a refusal and would loop. A token goes over https only, and only to the host that the address names, so
//! that a redirect can't collect it. Nothing here has a `Debug` or `Display` that shows a secret.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use git2::{Cred, CredentialType, ErrorClass, ErrorCode};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::clone::url::{RemoteUrl, Transport, host_and_port};

/// The variable whose token goes to any https host without a token of its own.
const ANY_HOST: &str = "NM_GIT_TOKEN";
/// The variable that only github.com gets.
const GITHUB: &str = "GITHUB_TOKEN";
/// The user name that the big hosts expect beside a token where the address names none.
const TOKEN_USER: &str = "x-access-token";

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Wraps a part of a URL.
    pub(crate) fn from_percent_encoded(text: &str) -> Self {
        Self(percent_decode_str(text).decode_utf8_lossy().into_owned())
    }

    /// The secret itself: for the call that needs it, never for a message.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The tokens that this process may use.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// By the name of the variable.
    tokens: BTreeMap<String, Secret>,
}

impl Credentials {
    /// Picks the tokens out of the variables of an environment: `NM_GIT_TOKEN_<HOST>` (upper case, `_` for what is
    /// neither letter nor digit: `NM_GIT_TOKEN_GIT_EXAMPLE_ORG`), `GITHUB_TOKEN` (github.com only), `NM_GIT_TOKEN`
    /// (any https host that a job names).
    #[must_use]
    pub fn from_variables(variables: impl Iterator<Item = (String, String)>) -> Self {
        let is_ours = |name: &str| name == GITHUB || name.starts_with(ANY_HOST);
        let tokens = variables
            .filter(|(name, token)| is_ours(name) && !token.trim().is_empty())
            .map(|(name, token)| (name, Secret::new(token.trim().to_owned())))
            .collect();
        Self { tokens }
    }

    /// The token for an https host: its own, GitHub's, or the one for any host.
    fn token(&self, host: &str) -> Option<&Secret> {
        let own = self.tokens.get(&format!("{ANY_HOST}_{}", variable_part(host)));
        let github = || (host == "github.com").then(|| self.tokens.get(GITHUB)).flatten();
        own.or_else(github).or_else(|| self.tokens.get(ANY_HOST))
    }
}

fn variable_part(host: &str) -> String {
    host.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// User and secret for one attempt.
type Password = (String, Secret);

/// The ways to log in to one remote that were not tried yet.
pub(crate) struct Login {
    ssh_user: String,
    may_ask_agent: bool,
    /// Where passwords may go: scheme and host of the address.
    home: Option<(String, String)>,
    passwords: VecDeque<Password>,
}

impl Login {
    /// Collects the ways for one connection.
    pub(crate) fn new(credentials: &Credentials, url: &RemoteUrl) -> Self {
        let ssh_user = match url.transport() {
            Transport::Ssh { user } => user.clone(),
            _ => "git".to_owned(),
        };
        let home = Url::parse(url.as_str()).ok().and_then(|url| scheme_and_host(&url));
        Self { ssh_user, may_ask_agent: true, home, passwords: passwords(credentials, url) }
    }

    /// Answers a server that asks: `asked_by` is its address, also after a redirect.
    ///
    /// # Errors
    /// An authentication error when every way has been refused.
    pub(crate) fn answer(&mut self, asked_by: &str, allowed: CredentialType) -> Result<Cred, git2::Error> {
        if allowed.contains(CredentialType::USERNAME) {
            return Cred::username(&self.ssh_user);
        }
        if allowed.contains(CredentialType::SSH_KEY) && self.may_ask_agent {
            self.may_ask_agent = false;
            return Cred::ssh_key_from_agent(&self.ssh_user);
        }
        if allowed.contains(CredentialType::USER_PASS_PLAINTEXT)
            && self.is_home(asked_by)
            && let Some((user, secret)) = self.passwords.pop_front()
        {
            return Cred::userpass_plaintext(&user, secret.reveal());
        }
        Err(git2::Error::new(ErrorCode::Auth, ErrorClass::Callback, "no credentials left to try"))
    }

    /// ssh never redirects and does not say who asks by a full URL.
    fn is_home(&self, asked_by: &str) -> bool {
        match (&self.home, Url::parse(asked_by).ok().as_ref().and_then(scheme_and_host)) {
            (Some(home), Some(asker)) => *home == asker,
            (home, _) => home.as_ref().is_none_or(|(scheme, _)| scheme == "ssh"),
        }
    }
}

fn scheme_and_host(url: &Url) -> Option<(String, String)> {
    Some((url.scheme().to_owned(), host_and_port(url)?))
}

/// What the address holds goes first and alone if it holds a password: the user chose it.
fn passwords(credentials: &Credentials, url: &RemoteUrl) -> VecDeque<Password> {
    let user = url.user_info().map(|info| info.user.clone());
    if let Some(password) = url.user_info().and_then(|info| info.password.clone()) {
        let user = user.map_or_else(String::new, |user| user.reveal().to_owned());
        return VecDeque::from([(user, password)]);
    }
    let Transport::Http { encrypted: true, host } = url.transport() else {
        return VecDeque::new();
    };
    let name = user.as_ref().map_or(TOKEN_USER, |user| user.reveal()).to_owned();
    let token = credentials.token(host).map(|token| (name, token.clone()));
    // A user without a password may be a token by itself.
    let user_alone = user.map(|user| (user.reveal().to_owned(), Secret::new(String::new())));
    token.into_iter().chain(user_alone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(variables: &[(&str, &str)]) -> Credentials {
        Credentials::from_variables(
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    fn chosen(variables: &[(&str, &str)], url: &str) -> Vec<(String, String)> {
        let url = RemoteUrl::parse(url).unwrap();
        let mut passwords = passwords(&credentials(variables), &url);
        passwords.drain(..).map(|(user, secret)| (user, secret.reveal().to_owned())).collect()
    }

    #[test]
    fn the_token_of_the_host_wins_over_the_one_for_any_host() {
        let variables = [("NM_GIT_TOKEN", "any"), ("NM_GIT_TOKEN_GIT_EXAMPLE_ORG", "own"), ("PATH", "x")];
        assert_eq!(chosen(&variables, "https://git.example.org/a")[0].1, "own");
        assert_eq!(chosen(&variables, "https://example.org/a")[0].1, "any");
    }

    #[test]
    fn the_github_token_goes_to_github_only() {
        let variables = [("GITHUB_TOKEN", "gh")];
        assert_eq!(chosen(&variables, "https://github.com/a/b"), [("x-access-token".into(), "gh".into())]);
        assert!(chosen(&variables, "https://github.com.example.org/a/b").is_empty());
    }

    #[test]
    fn tokens_never_travel_unencrypted() {
        assert!(chosen(&[("NM_GIT_TOKEN", "any")], "http://example.org/a").is_empty());
    }

    #[test]
    fn every_way_is_tried_once_and_then_refused() {
        let url = RemoteUrl::parse("https://example.org/a").unwrap();
        let mut login = Login::new(&credentials(&[("NM_GIT_TOKEN", "any")]), &url);
        let asked_by = "https://example.org/a";
        assert!(login.answer(asked_by, CredentialType::USER_PASS_PLAINTEXT).is_ok());
        let error = login.answer(asked_by, CredentialType::USER_PASS_PLAINTEXT).err().unwrap();
        assert_eq!(error.code(), ErrorCode::Auth);
    }

    #[test]
    fn a_redirect_to_another_host_gets_no_token() {
        let url = RemoteUrl::parse("https://example.org/a").unwrap();
        let mut login = Login::new(&credentials(&[("NM_GIT_TOKEN", "any")]), &url);
        for asked_by in ["https://evil.example/a", "http://example.org/a", "https://example.org:444/a"] {
            assert!(login.answer(asked_by, CredentialType::USER_PASS_PLAINTEXT).is_err(), "{asked_by}");
        }
        assert!(login.answer("https://example.org/b", CredentialType::USER_PASS_PLAINTEXT).is_ok());
    }

    #[test]
    fn nothing_shows_a_token() {
        let credentials = credentials(&[("NM_GIT_TOKEN", "hunter2")]);
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}
