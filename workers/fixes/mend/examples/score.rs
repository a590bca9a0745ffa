//! Scores the rules by the test suites of the linters that they come from:
//! `cargo run -p mend --example score -- CASES [ORIGIN [RULE…]]`. With rules, also says what each misses.

use std::path::Path;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cases, rest @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: score CASES [ORIGIN [RULE…]]")
    };
    let (origins, rules) = match rest {
        [] => (mend::score::ORIGINS.to_vec(), &[][..]),
        [origin, rules @ ..] => (vec![origin.as_str()], rules),
    };
    for origin in origins {
        let scores = mend::score::score(Path::new(cases), origin, rules)?;
        for miss in scores.iter().filter(|_| !rules.is_empty()).flat_map(|score| &score.misses) {
            println!("{miss}");
        }
        println!("## {origin}\n\n{}", mend::score::table(&scores));
    }
    Ok(())
}
