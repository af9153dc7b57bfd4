//! The checkpoints of a list: there, and whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::Finding;

/// A checkpoint of several files names them here, with the tensors that each holds.
const INDEX: &str = "model.safetensors.index.json";
const SINGLE: &str = "model.safetensors";
/// How many absent models a line names.
const NAMED: usize = 5;

/// One checkpoint that a list needs.
pub struct Wanted<'a> {
    pub label: &'a str,
    pub dir: &'a str,
}

/// Looks at each checkpoint once. No model is needed by all cases, so that only the lack of all stops a run.
pub fn models(roots: &[String], wanted: &[Wanted<'_>]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = roots.iter().map(|root| of_root(root)).collect();
    if wanted.is_empty() {
        return findings;
    }
    let (there, absent): (Vec<_>, Vec<_>) =
        wanted.iter().partition(|model| Path::new(model.dir).is_dir());
    let broken: Vec<Finding> = there.iter().filter_map(|model| fault(model)).collect();
    let whole = there.len() - broken.len();
    let found = format!("{whole} of the list's {} are there and whole", wanted.len());
    findings.push(if there.is_empty() {
        Finding::missing("models", found).needed()
    } else if whole == 0 {
        Finding::warn("models", found)
    } else {
        Finding::ok("models", found)
    });
    findings.extend(broken);
    if !absent.is_empty() {
        let mut names: Vec<_> = absent
            .iter()
            .take(NAMED)
            .map(|model| format!("{} ({})", model.label, model.dir))
            .collect();
        if absent.len() > NAMED {
            names.push(format!("and {} more", absent.len() - NAMED));
        }
        let finding = Finding::missing("models", names.join(", "));
        findings.push(
            finding.advice(
                "their cases are skipped; set --models-root, or a line in models.local.yml",
            ),
        );
    }
    findings
}

fn of_root(root: &str) -> Finding {
    if Path::new(root).is_dir() {
        return Finding::ok("models root", root);
    }
    Finding::missing("models root", format!("{root} is not a directory"))
        .advice("set --models-root or LLM_MODELS_ROOT")
}

/// What a checkpoint lacks.
fn fault(model: &Wanted<'_>) -> Option<Finding> {
    let dir = Path::new(model.dir);
    let mut lacks: BTreeSet<String> = ["config.json", "tokenizer.json"]
        .into_iter()
        .filter(|name| !dir.join(name).is_file())
        .map(str::to_owned)
        .collect();
    match fs::read(dir.join(INDEX)) {
        Ok(text) => match weight_files(&text) {
            Ok(files) => lacks.extend(files.into_iter().filter(|name| !dir.join(name).is_file())),
            Err(error) => {
                lacks.insert(format!("a readable {INDEX} ({error})"));
            }
        },
        Err(_) if dir.join(SINGLE).is_file() || has_other_weights(dir) => {}
        Err(_) => {
            lacks.insert(format!("weights ({SINGLE}, or {INDEX} with its files)"));
        }
    }
    if lacks.is_empty() {
        return None;
    }
    let lacks: Vec<String> = lacks.into_iter().collect();
    let found = format!("{} ({}) lacks {}", model.label, model.dir, lacks.join(", "));
    Some(Finding::warn("models", found).advice("download the checkpoint again"))
}

/// The files that an index names.
fn weight_files(index: &[u8]) -> serde_json::Result<BTreeSet<String>> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    serde_json::from_slice(index).map(|index: Index| index.weight_map.into_values().collect())
}

/// Older checkpoints come as PyTorch or consolidated files.
fn has_other_weights(dir: &Path) -> bool {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.any(|name| {
        name.ends_with(".safetensors") || name.ends_with(".bin") || name.ends_with(".pth")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_checkpoint_whose_index_names_an_absent_file_is_not_whole() {
        let folder = tempfile::tempdir().expect("folder");
        let dir = folder.path();
        for name in ["config.json", "tokenizer.json", "model-1.safetensors"] {
            fs::write(dir.join(name), "{}").expect("write");
        }
        let index = r#"{"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}}"#;
        fs::write(dir.join(INDEX), index).expect("write");
        let wanted = [Wanted { label: "m", dir: dir.to_str().expect("UTF-8") }];
        let findings = models(&[], &wanted);
        assert_eq!(findings[0].found, "0 of the list's 1 are there and whole");
        assert!(findings[1].found.ends_with("lacks model-2.safetensors"), "{}", findings[1]);
        fs::write(dir.join("model-2.safetensors"), "").expect("write");
        assert_eq!(models(&[], &wanted).len(), 1, "now it is whole");
    }

    #[test]
    fn an_absent_model_is_named_with_its_directory_and_stops_a_run_only_where_none_is_there() {
        let absent = Wanted { label: "m", dir: "/nowhere/m" };
        let there = Wanted { label: "t", dir: "/" };
        let findings = models(&[], &[absent, there]);
        let named = findings.last().expect("a line");
        assert_eq!(named.state, State::Missing);
        assert!(named.found.contains("m (/nowhere/m)"), "{named}");
        assert!(!findings.iter().any(Finding::stops), "other cases can run");
        let findings = models(&[], &[Wanted { label: "m", dir: "/nowhere/m" }]);
        assert!(findings.iter().any(Finding::stops), "no case can run");
    }
}
