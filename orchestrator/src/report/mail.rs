//! A commit as a mail that plain `git am` reads back byte for byte.
//!
//! `git mailsplit` takes CR off the ends of lines, mail servers cut lines over 998 bytes, and bytes that are not
//! UTF-8 do not survive every reader. A message with any of these is written as quoted-printable, which `git
//! mailinfo` decodes to the exact bytes; all others stay readable as they are.

/// One message of a mailbox.
pub(super) struct Mail<'a> {
    /// The base commit, hex: in the line that starts a message.
    pub(super) commit: &'a str,
    /// The author's date, as mail writes it.
    pub(super) date: &'a str,
    pub(super) subject: &'a str,
    /// The text of the commit message.
    pub(super) body: &'a str,
    /// The table of changed files.
    pub(super) stat: &'a str,
    /// The diffs of all files.
    pub(super) diff: &'a [u8],
    /// What stands below the signature's dashes.
    pub(super) signature: &'a str,
}

/// Whom `git am` makes the author of the commits.
const AUTHOR: &str = "Nightmend <nightmend@localhost.invalid>";

/// The longest line of a mail, without its end (RFC 5322).
const MAX_LINE: usize = 998;

/// The longest line of quoted-printable, with the `=` of a soft line break (RFC 2045).
const MAX_QUOTED_LINE: usize = 76;

impl Mail<'_> {
    /// The message, from its `From ` line to the empty line behind its signature.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.diff.len() + 2048);
        text.extend_from_slice(self.body.as_bytes());
        text.extend_from_slice(b"---\n");
        text.extend_from_slice(self.stat.as_bytes());
        text.push(b'\n');
        text.extend_from_slice(self.diff);
        text.extend_from_slice(format!("-- \n{}\n\n", self.signature).as_bytes());
        let (encoding, text) =
            if survives_as_is(&text) { ("8bit", text) } else { ("quoted-printable", quoted(&text)) };
        let mut bytes = format!(
            "From {} Mon Sep 17 00:00:00 2001\nFrom: {AUTHOR}\nDate: {}\nSubject: {}\nMIME-Version: 1.0\n\
             Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: {encoding}\n\n",
            self.commit,
            self.date,
            encoded_words(self.subject)
        )
        .into_bytes();
        bytes.extend_from_slice(&text);
        bytes
    }
}

fn survives_as_is(text: &[u8]) -> bool {
    let fits = |line: &[u8]| line.len() <= MAX_LINE;
    std::str::from_utf8(text).is_ok()
        && !text.iter().any(|byte| matches!(byte, b'\r' | 0))
        && text.split(|&byte| byte == b'\n').all(fits)
}

/// The text as quoted-printable. Every LF is the end of a line; every CR is text.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    let mut column = 0;
    for (at, &byte) in text.iter().enumerate() {
        if byte == b'\n' {
            out.push(b'\n');
            column = 0;
            continue;
        }
        let ends_line = text.get(at + 1).is_none_or(|&next| next == b'\n');
        let is_plain = match byte {
            b'=' => false,
            // Blanks at the end of a line get lost on the way.
            b' ' | b'\t' => !ends_line,
            // A line that starts with `From ` starts a message; a lone dot ends one in SMTP.
            b'F' | b'.' if column == 0 => false,
            byte => byte.is_ascii_graphic(),
        };
        let width = if is_plain { 1 } else { 3 };
        if column + width > MAX_QUOTED_LINE - 1 {
            out.extend_from_slice(b"=\n");
            column = 0;
        }
        // A soft break may have put this byte first on its line, where only its code is safe.
        if is_plain && !(column == 0 && matches!(byte, b'F' | b'.')) {
            out.push(byte);
            column += 1;
        } else {
            out.extend_from_slice(format!("={byte:02X}").as_bytes());
            column += 3;
        }
    }
    out
}

/// A header text with words outside ASCII in the form of RFC 2047; plain ASCII stays.
fn encoded_words(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    // An encoded word has at most 75 bytes, of which the frame takes 12; a character is never cut.
    const MAX_WORD: usize = 75 - "=?UTF-8?q?".len() - "?=".len();
    let mut words = vec![String::new()];
    for c in text.chars() {
        let mut buffer = [0; 4];
        let code: String = match c {
            ' ' => "_".to_owned(),
            c if c.is_ascii_alphanumeric() => c.to_string(),
            c => c.encode_utf8(&mut buffer).bytes().map(|byte| format!("={byte:02X}")).collect(),
        };
        if words.last().is_some_and(|word| word.len() + code.len() > MAX_WORD) {
            words.push(String::new());
        }
        words.last_mut().expect("there is always a word").push_str(&code);
    }
    let words: Vec<String> = words.iter().map(|word| format!("=?UTF-8?q?{word}?=")).collect();
    words.join("\n ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_text_that_would_be_changed_on_the_way_is_quoted() {
        assert!(survives_as_is("größe\n".as_bytes()));
        assert!(!survives_as_is(b"a\r\n"));
        assert!(!survives_as_is(b"\xff\n"));
        assert!(!survives_as_is(&[b'x'; 999]));
    }

    #[test]
    fn subjects_outside_ascii_become_encoded_words() {
        assert_eq!(encoded_words("[PATCH] a: b"), "[PATCH] a: b");
        assert_eq!(encoded_words("a → b"), "=?UTF-8?q?a_=E2=86=92_b?=");
        let long = encoded_words(&"→".repeat(20));
        assert!(long.lines().count() > 1 && long.lines().all(|line| line.len() <= 76));
    }

    /// What RFC 2045 says a reader does.
    fn unquoted(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = text;
        while let [byte, tail @ ..] = rest {
            rest = tail;
            match (byte, tail) {
                (b'=', [b'\n', after @ ..]) => rest = after,
                (b'=', [high, low, after @ ..]) => {
                    let hex = [*high, *low];
                    out.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
                    rest = after;
                }
                _ => out.push(*byte),
            }
        }
        out
    }

    proptest! {
        #[test]
        fn any_bytes_survive_quoting_in_short_plain_lines(
            text in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'F'), Just(b' ')], 0..400),
        ) {
            let coded = quoted(&text);
            prop_assert_eq!(unquoted(&coded), text);
            for line in coded.split(|&byte| byte == b'\n') {
                prop_assert!(line.len() <= MAX_QUOTED_LINE && !line.starts_with(b"From "));
                prop_assert!(line.iter().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t')));
                prop_assert!(!line.ends_with(b" ") && !line.ends_with(b"\t"));
            }
        }
    }
}
