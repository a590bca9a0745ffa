//! What the name of a file says: somebody else's code, or a tool's output. Pure.
//!
//! Written for JavaScript, TypeScript and Python, the languages that are scanned. A folder counts wherever it hangs.
//! A wrong guess is mended by the repo itself: `-linguist-vendored` or `-linguist-generated` in `.gitattributes`.

/// Folders that hold copies of other projects, in lower case.
const VENDOR_FOLDERS: [&[u8]; 19] = [
    b"node_modules",
    b"bower_components",
    b"jspm_packages",
    b"web_modules",
    b".yarn",
    b"vendor",
    b"vendors",
    b"vendored",
    b"_vendor",
    b"third_party",
    b"third-party",
    b"thirdparty",
    b"3rdparty",
    b"3rd_party",
    b"3rd-party",
    b"extern",
    b"externals",
    b"site-packages",
    b"dist",
];

/// Libraries that are copied into repos by hand, as `<name>-1.2.3.js`.
const COPIED_LIBRARIES: [&[u8]; 10] = [
    b"jquery",
    b"jquery-ui",
    b"jquery.ui",
    b"bootstrap",
    b"angular",
    b"backbone",
    b"modernizr",
    b"underscore",
    b"d3",
    b"html5shiv",
];

/// Ends of names that tools give to what they write.
const GENERATED_ENDS: [&[u8]; 13] = [
    b".min.js",
    b"-min.js",
    b".min.mjs",
    b".min.cjs",
    b".bundle.js",
    b"-bundle.js",
    b".chunk.js",
    b"_pb2.py",
    b"_pb2.pyi",
    b"_pb2_grpc.py",
    b"_pb.js",
    b"_pb.ts",
    b"_pb.d.ts",
];

/// Whether the file lies in a folder of other people's code or is a copy of a known library.
pub(super) fn is_vendored(path: &[u8]) -> bool {
    let mut parts = path.rsplit(|&byte| byte == b'/');
    let name = parts.next().unwrap_or_default();
    is_copied_library(name)
        || parts.any(|folder| VENDOR_FOLDERS.iter().any(|known| folder.eq_ignore_ascii_case(known)))
}

/// Whether the name is one that only tools give.
pub(super) fn is_generated(path: &[u8]) -> bool {
    GENERATED_ENDS.iter().any(|end| ends_with_ignore_case(path, end))
}

fn ends_with_ignore_case(text: &[u8], end: &[u8]) -> bool {
    text.len() >= end.len() && text[text.len() - end.len()..].eq_ignore_ascii_case(end)
}

/// `jquery.js`, `jquery-3.7.1.js`, `jquery-3.7.1.slim.js`, `d3-4.2.js`.
fn is_copied_library(name: &[u8]) -> bool {
    let Some(stem) = name.strip_suffix(b".js") else { return false };
    let stem = stem.strip_suffix(b".slim").unwrap_or(stem);
    let split = stem.iter().rposition(|&byte| byte == b'-');
    let (library, version) = split.map_or((stem, None), |at| (&stem[..at], Some(&stem[at + 1..])));
    let is_known = |library: &[u8]| COPIED_LIBRARIES.iter().any(|known| library.eq_ignore_ascii_case(known));
    match version {
        Some(version) => is_known(library) && is_version(version),
        None => library.eq_ignore_ascii_case(b"jquery"),
    }
}

fn is_version(text: &[u8]) -> bool {
    let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    text.split(|&byte| byte == b'.').all(is_number) && text.contains(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_other_peoples_code_count_at_any_depth() {
        for path in ["node_modules/a/i.js", "a/Third_Party/x.py", "dist/a.js", "py/site-packages/x.py"] {
            assert!(is_vendored(path.as_bytes()), "{path}");
        }
        for path in ["vendor.js", "src/vendoring/a.js", "distance/a.py", "a/node_modules.js"] {
            assert!(!is_vendored(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn copies_of_known_libraries_are_recognised_by_their_version() {
        for path in
            ["jquery.js", "s/jquery-3.7.1.js", "jquery-ui-1.12.1.js", "d3-4.2.js", "jquery-3.7.slim.js"]
        {
            assert!(is_vendored(path.as_bytes()), "{path}");
        }
        for path in ["angular.js", "jquery-plugin.js", "jquery-3.js", "my-d3.js", "bootstrap-4.0.ts"] {
            assert!(!is_vendored(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn names_that_tools_give_are_generated() {
        for path in ["a.min.js", "A.MIN.JS", "x/app.bundle.js", "api/user_pb2.py", "user_pb2_grpc.py"] {
            assert!(is_generated(path.as_bytes()), "{path}");
        }
        for path in ["min.js", "admin.js", "bundle.js", "pb2.py"] {
            assert!(!is_generated(path.as_bytes()), "{path}");
        }
    }
}
