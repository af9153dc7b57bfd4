//! A fleet as an object of `--json`. Its keys are part of the interface.

use serde_json::{Value, json};

use super::Fleet;
use crate::verdict::fleet::{Confirmation, Estimate, LOSSES, Month, Outlook, PROMISE, Source};
use crate::verdict::stats;

/// One of a line.
pub(super) fn object(fleet: &Fleet, month: Month) -> Value {
    let estimate = |it: Estimate| json!({ "a_month": it.value, "low": it.low, "high": it.high });
    let of_rule = |it: &Outlook| {
        let caught = LOSSES.iter().zip(it.caught);
        let caught: serde_json::Map<String, Value> =
            caught.map(|(loss, share)| (loss.to_string(), json!(share))).collect();
        json!({
            "confirmation": it.confirmation.word(),
            "reds": estimate(it.reds),
            "keeps_promise": it.keeps_promise(),
            "caught": caught,
        })
    };
    let of_noise = |(source, outlooks): &(Source, [Outlook; 4])| {
        let rules: Vec<Value> = outlooks.iter().map(of_rule).collect();
        json!({ "noise": source.word(), "rules": rules })
    };
    let cvs = fleet.cvs();
    let percentile = |share| stats::percentile(&cvs, share);
    json!({
        "machine_class": fleet.machine_class,
        "engine": fleet.engine,
        "synthetic": fleet.synthetic,
        "cases": fleet.cases,
        "series": fleet.members.len(),
        "series_left_out": fleet.short,
        "series_with_own_numbers": fleet.own,
        "main_metrics": fleet.mains,
        "families": fleet.families,
        "history": month.history,
        "nights": month.nights,
        "judgements": fleet.judgements(month),
        "cv": { "median": percentile(0.5), "p90": percentile(0.9), "max": cvs.last() },
        "promise": PROMISE,
        "needed": fleet.needed().map(Confirmation::word),
        "needed_by_own_numbers": fleet.needed_by_own().flatten().map(Confirmation::word),
        "outlooks": fleet.outlooks.iter().map(of_noise).collect::<Vec<_>>(),
    })
}
