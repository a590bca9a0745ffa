//! What a bucket holds: bytes under keys, in the order of the keys.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::SystemTime;

use bytes::Bytes;

/// An object. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) bytes: Bytes,
    pub(crate) tag: String,
    pub(crate) modified: SystemTime,
}

impl Object {
    pub(crate) fn new(bytes: Bytes) -> Self {
        let tag = blake3::hash(&bytes).to_hex()[..32].to_owned();
        Self { bytes, tag, modified: SystemTime::now() }
    }
}

/// All objects of a bucket.
pub(crate) type Objects = BTreeMap<String, Object>;

/// One entry of a listing.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Object(String, Object),
    /// Everything whose key begins so.
    Folder(String),
}

/// One page of a listing.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    /// From where the next page goes on, if there is one.
    pub(crate) next: Option<String>,
}

/// Lists the keys that begin with `prefix` and come after `after`. With a delimiter, keys that have one behind the
/// prefix are folded into folders, and `after` may be such a folder: what is in it is passed over.
pub(crate) fn page(objects: &Objects, prefix: &str, delimiter: &str, after: &str, n_max: usize) -> Page {
    let mut page = Page::default();
    let mut last = after.to_owned();
    let from = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
    let behind = objects.range::<str, _>((from, Bound::Unbounded));
    for (key, object) in behind.take_while(|(key, _)| key.starts_with(prefix)) {
        let folder = folder_of(key, prefix, delimiter);
        let is_listed = folder.is_some_and(|folder| folder == last);
        if is_listed {
            continue;
        }
        if page.entries.len() == n_max {
            page.next = Some(last);
            return page;
        }
        last = folder.unwrap_or(key).to_owned();
        page.entries.push(match folder {
            Some(folder) => Entry::Folder(folder.to_owned()),
            None => Entry::Object(key.clone(), object.clone()),
        });
    }
    page
}

/// The key up to and with the first delimiter behind the prefix.
fn folder_of<'a>(key: &'a str, prefix: &str, delimiter: &str) -> Option<&'a str> {
    if delimiter.is_empty() {
        return None;
    }
    let at = key[prefix.len()..].find(delimiter)?;
    Some(&key[..prefix.len() + at + delimiter.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(prefix: &str, delimiter: &str, n_max: usize) -> Vec<Vec<String>> {
        let keys = ["a", "b/1", "b/2", "b/c/3", "b0", "c/1"];
        let objects = keys.iter().map(|key| ((*key).to_owned(), Object::new(Bytes::new()))).collect();
        let (mut pages, mut after) = (Vec::new(), String::new());
        loop {
            let page = page(&objects, prefix, delimiter, &after, n_max);
            let name = |entry: Entry| match entry {
                Entry::Object(key, _) => key,
                Entry::Folder(folder) => folder,
            };
            pages.push(page.entries.into_iter().map(name).collect());
            match page.next {
                Some(next) => after = next,
                None => return pages,
            }
        }
    }

    #[test]
    fn pages_are_cut_where_they_are_full_and_miss_nothing() {
        assert_eq!(listed("", "", 4), [vec!["a", "b/1", "b/2", "b/c/3"], vec!["b0", "c/1"]]);
        assert_eq!(listed("", "/", 2), [vec!["a", "b/"], vec!["b0", "c/"]]);
        assert_eq!(listed("b/", "/", 2), [vec!["b/1", "b/2"], vec!["b/c/"]]);
        assert_eq!(listed("b/", "/", 3), [vec!["b/1", "b/2", "b/c/"]]);
        assert_eq!(listed("x", "/", 3), [Vec::<String>::new()]);
    }
}
