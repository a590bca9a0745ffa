//! What differs between two specs, in words that a person can act on.

use schemas::JobSpec;
use serde_json::Value;

/// One line for each field that differs: `place: stored is …, submitted is …`. Empty if the specs are the same.
#[must_use]
pub fn differences(stored: &JobSpec, submitted: &JobSpec) -> Vec<String> {
    let as_value =
        |spec: &JobSpec| -> Value { serde_json::to_value(spec).expect("a spec has string keys only") };
    let mut lines = Vec::new();
    compare("", &as_value(stored), &as_value(submitted), &mut lines);
    lines
}

fn compare(place: &str, stored: &Value, submitted: &Value, lines: &mut Vec<String>) {
    match (stored, submitted) {
        (stored, submitted) if stored == submitted => {}
        (Value::Object(old), Value::Object(new)) => {
            let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let inner = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                let (old, new) =
                    (old.get(name).unwrap_or(&Value::Null), new.get(name).unwrap_or(&Value::Null));
                compare(&inner, old, new, lines);
            }
        }
        (Value::Array(old), Value::Array(new)) if is_set(old) && is_set(new) => {
            compare_sets(place, old, new, lines);
        }
        (Value::Array(old), Value::Array(new)) => {
            for index in 0..old.len().max(new.len()) {
                let of = |values: &[Value]| values.get(index).cloned().unwrap_or(Value::Null);
                compare(&format!("{place}[{index}]"), &of(old), &of(new), lines);
            }
        }
        _ => lines.push(format!("{place}: stored is {}, submitted is {}", shown(stored), shown(submitted))),
    }
}

/// Arrays of plain texts, and of things with ids (the rules), are sorted sets: what matters is who is in.
fn is_set(values: &[Value]) -> bool {
    values.iter().all(|value| name_of(value).is_some())
}

fn name_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("id")?.as_str())
}

fn compare_sets(place: &str, stored: &[Value], submitted: &[Value], lines: &mut Vec<String>) {
    let twin = |value: &Value, others: &[Value]| -> Option<Value> {
        others.iter().find(|other| name_of(other) == name_of(value)).cloned()
    };
    let only_in = |values: &[Value], others: &[Value]| -> Option<String> {
        let only: Vec<&str> =
            values.iter().filter(|value| twin(value, others).is_none()).filter_map(name_of).collect();
        (!only.is_empty()).then(|| only.join(", "))
    };
    if let Some(only) = only_in(stored, submitted) {
        lines.push(format!("{place}: only stored: {only}"));
    }
    if let Some(only) = only_in(submitted, stored) {
        lines.push(format!("{place}: only submitted: {only}"));
    }
    for (old, new) in stored.iter().filter_map(|old| Some((old, twin(old, submitted)?))) {
        compare(&format!("{place}.{}", name_of(old).unwrap_or_default()), old, &new, lines);
    }
}

/// A value as JSON; nothing for an absent one.
fn shown(value: &Value) -> String {
    if value.is_null() { "nothing".to_owned() } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use schemas::job::Limits;
    use schemas::{FixLevel, Lane, RepoSpec};

    use super::*;

    fn spec() -> JobSpec {
        JobSpec {
            version: JobSpec::VERSION,
            repos: vec![RepoSpec { url: "https://h/a".into(), rev: None }],
            rules: vec!["a".into(), "b".into()],
            repo_settings: schemas::job::RepoSettings::default(),
            fix: FixLevel::Safe,
            model: None,
            lane: Lane::Interactive,
            dry_run: false,
            limits: Limits::default(),
            reuse: schemas::job::ReusePolicy::default(),
        }
    }

    #[test]
    fn equal_specs_differ_in_nothing() {
        assert!(differences(&spec(), &spec()).is_empty());
    }

    #[test]
    fn every_field_that_differs_has_a_line() {
        let mut other = spec();
        other.repos[0].rev = Some("main".into());
        other.repos.push(RepoSpec { url: "https://h/b".into(), rev: None });
        other.rules = vec!["b".into(), "c".into()];
        other.fix = FixLevel::None;
        other.limits.max_tree_depth = 7;
        assert_eq!(
            differences(&spec(), &other),
            [
                "fix: stored is \"safe\", submitted is \"none\"",
                "limits.max_tree_depth: stored is 128, submitted is 7",
                "repos[0].rev: stored is nothing, submitted is \"main\"",
                "repos[1]: stored is nothing, submitted is {\"url\":\"https://h/b\"}",
                "rules: only stored: a",
                "rules: only submitted: c",
            ]
        );
    }
}
