//! Throughput of the engine, in bytes of source a second: parse, check (parse and all rules), mend (with
//! certificates). `cargo bench -p fixes`.

use divan::Bencher;
use divan::counter::BytesCount;
use fixes::engine::{check, parse};
use fixes::{Engine, Facts, FixLevel, Language, RuleRef};

fn main() {
    divan::main();
}

/// Text with nothing to find, as most files are.
const CLEAN: bool = false;
/// Text where every tenth function has something to mend.
const FINDINGS: bool = true;

/// About 60 KiB of the shape of ordinary code; the same on every run.
fn source(language: Language, with_findings: bool) -> Vec<u8> {
    let mut text = String::new();
    for index in 0..200 {
        let is_mended = with_findings && index % 10 == 0;
        match language {
            Language::Python => python_function(&mut text, index, is_mended),
            _ => script_function(&mut text, index, is_mended),
        }
    }
    text.into_bytes()
}

fn script_function(text: &mut String, index: usize, is_mended: bool) {
    let (keyword, equals) = if is_mended { ("var", "==") } else { ("const", "===") };
    text.push_str(&format!(
        "/** Adds up what is wanted of part {index}. */\n\
         export function total{index}(parts, {{ limit = 10, seen }}) {{\n\
         \x20 {keyword} wanted = parts.filter((part) => part.id {equals} '{index}' || !seen.has(part));\n\
         \x20 if (wanted.length > limit) {{\n    throw new RangeError(`too many: ${{wanted.length}}`);\n  }}\n\
         \x20 return wanted.reduce((sum, part) => sum + part.size * {index}, 0);\n}}\n\n"
    ));
}

fn python_function(text: &mut String, index: usize, is_mended: bool) {
    let (base, named) = if is_mended { ("(object)", "'{}'.format(part)") } else { ("", "f'{part}'") };
    text.push_str(&format!(
        "class Part{index}{base}:\n    \"\"\"Adds up what is wanted of part {index}.\"\"\"\n\n\
         \x20   def total(self, parts, limit=10):\n\
         \x20       wanted = [{named} for part in parts if part.id is not None]\n\
         \x20       if len(wanted) > limit:\n            raise ValueError(len(wanted))\n\
         \x20       return sum(part.size * {index} for part in parts)\n\n\n"
    ));
}

const CASES: [(Language, bool); 4] = [
    (Language::JavaScript, CLEAN),
    (Language::JavaScript, FINDINGS),
    (Language::Python, CLEAN),
    (Language::Python, FINDINGS),
];

#[divan::bench(args = [Language::JavaScript, Language::TypeScript, Language::Python])]
fn parsing(bencher: Bencher, language: Language) {
    let text = source(language, CLEAN);
    bencher.counter(BytesCount::of_slice(&text)).bench(|| parse(&text, language));
}

#[divan::bench(args = 0..CASES.len())]
fn checking(bencher: Bencher, case: usize) {
    let (language, with_findings) = CASES[case];
    let text = source(language, with_findings);
    let rules: Vec<RuleRef> = fixes::rules::ALL.iter().map(|rule| RuleRef::Default(*rule)).collect();
    bencher.counter(BytesCount::of_slice(&text)).bench(|| check(&text, language, &Facts::default(), &rules));
}

#[divan::bench(args = 0..CASES.len())]
fn mending(bencher: Bencher, case: usize) {
    let (language, with_findings) = CASES[case];
    let text = source(language, with_findings);
    let engine = Engine::with_all_rules(FixLevel::Safe);
    bencher.counter(BytesCount::of_slice(&text)).bench(|| engine.mend(&text, language, &Facts::default()));
}
