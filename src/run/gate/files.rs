//! What a gate leaves besides its runs: `gate.json`, `gate-head.json` and `pairs.csv`, and `gate.json` beside each verdict.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::Gated;
use super::case_verdict::CaseVerdict;
use super::standing::Standing;
use crate::record::{RecordError, Recorder, csv_line, replace_file};
use crate::verdict::Verdict;

/// Name of the file with verdicts: of all cases in the output directory, of one beside its result.
const VERDICTS: &str = "gate.json";
/// Name of the file with what stands above the verdicts: programs, rule, self-checks.
const HEAD: &str = "gate-head.json";
/// Name of the file with every pair that counts, for `trtllm-perf gate --pairs`.
const PAIRS: &str = "pairs.csv";

/// Writes the files of a whole gate.
///
/// # Errors
/// When one cannot be written.
pub fn write(output: &Path, gated: &Gated) -> Result<(), RecordError> {
    let verdicts = serde_json::to_vec_pretty(&gated.verdicts).expect("verdicts are JSON");
    replace_file(&output.join(VERDICTS), &verdicts)?;
    let late = gated.worth.late(&gated.measured_on());
    let standings: Vec<_> = gated.worth.expected.iter().chain(&late).map(Standing::told).collect();
    let head = serde_json::json!({
        "lines": gated.head,
        "advisory": gated.is_advisory(),
        "self_checks": standings,
    });
    let head = serde_json::to_vec_pretty(&head).expect("a head is JSON");
    replace_file(&output.join(HEAD), &head)?;
    replace_file(&output.join(PAIRS), &pairs(&gated.verdicts))
}

/// The pairs that count. Base and candidate in the metric's unit; the order of a pair is kept, since a drift within
/// pairs would show in it.
fn pairs(verdicts: &[CaseVerdict]) -> Vec<u8> {
    let columns = ["series", "metric", "round", "pair", "first", "base", "candidate"];
    let mut text = csv_line(columns);
    for judged in verdicts {
        for pair in &judged.pairs_measured {
            text.extend(csv_line([
                judged.series.clone(),
                judged.metric.to_string(),
                judged.round.to_string(),
                pair.number.to_string(),
                if pair.base_first { "base" } else { "candidate" }.to_owned(),
                pair.base.to_string(),
                pair.candidate.to_string(),
            ]));
        }
    }
    text
}

/// Keeps a verdict beside the result that will be written for it.
///
/// # Errors
/// When it cannot be written.
pub fn write_verdict(
    recorder: &Recorder,
    name: &str,
    round: u32,
    judged: &CaseVerdict,
) -> Result<(), RecordError> {
    let folder = recorder.attempt_dir(name, round)?;
    let text = serde_json::to_vec_pretty(judged).expect("a verdict is JSON");
    replace_file(&folder.join(VERDICTS), &text)
}

/// The verdict that an earlier process of the run came to. One without a result beside it was not finished.
pub fn read_verdict(recorder: &Recorder, name: &str, round: u32) -> Option<CaseVerdict> {
    let folder = recorder.run().attempt(name, round);
    folder.join("result.json").is_file().then_some(())?;
    serde_json::from_slice(&fs::read(folder.join(VERDICTS)).ok()?).ok()
}

/// The verdicts of the gate that was in this output directory before; none where there was none.
pub fn verdicts_before(output: &Path) -> BTreeMap<String, Verdict> {
    let text = fs::read(output.join(VERDICTS)).unwrap_or_default();
    let verdicts: Vec<CaseVerdict> = serde_json::from_slice(&text).unwrap_or_default();
    verdicts.into_iter().map(|judged| (judged.series, judged.verdict)).collect()
}
