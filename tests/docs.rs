//! The documents are held to the code: flags, source map, dependencies, option rules, links.
//!
//! `UPDATE_README=1 cargo test --test docs` writes the README's table of flags anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, CommandFactory};
use trtllm_perf::cli::Cli;
use trtllm_perf::commands::compare::CompareArgs;

const README: &str = "README.md";
const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";
const BEGIN: &str = "<!-- flags: begin; written by `UPDATE_README=1 cargo test --test docs` -->\n";
const END: &str = "<!-- flags: end -->\n";

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

#[test]
fn the_readme_has_every_flag_of_our_own_with_its_environment_twin() {
    let readme = read(README);
    let (before, rest) = readme.split_once(BEGIN).expect("the mark where the flags begin");
    let (old, after) = rest.split_once(END).expect("the mark where the flags end");
    let new = flags();
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(README, [before, BEGIN, &new, END, after].concat()).expect("write the README");
        return;
    }
    assert!(old == new, "run `UPDATE_README=1 cargo test --test docs` and look at the difference");
}

#[test]
fn the_readme_names_every_flag_of_libtest() {
    let readme = read(README);
    for flag in libtest_mimic::Arguments::command().get_arguments().filter_map(Arg::get_long) {
        assert!(readme.contains(&format!("`--{flag}")), "--{flag}");
    }
}

/// One table a heading, in the order of `--help`.
fn flags() -> String {
    let mut text = String::new();
    let mut heading = None;
    for arg in Cli::command().get_arguments().filter(|arg| arg.get_help_heading().is_some()) {
        if heading != arg.get_help_heading() {
            heading = arg.get_help_heading();
            let title = heading.unwrap_or_default();
            write!(text, "\n**{title}**\n\n| flag | environment | what |\n|---|---|---|\n")
                .expect("a string takes any text");
        }
        let twin = arg.get_env().expect("every flag of our own has a twin").to_string_lossy();
        writeln!(text, "| {} | `{twin}` | {} |", spelling(arg), meaning(arg))
            .expect("a string takes any text");
    }
    text + "\n"
}

fn spelling(arg: &Arg) -> String {
    let mut names: Vec<String> = arg.get_short().iter().map(|short| format!("-{short}")).collect();
    let aliases = arg.get_visible_aliases().unwrap_or_default();
    names.extend(arg.get_long().into_iter().chain(aliases).map(|long| format!("--{long}")));
    let takes_value = arg.get_action().takes_values();
    let value = arg.get_value_names().filter(|_| takes_value).and_then(|names| names.first());
    if let (Some(value), Some(last)) = (value, names.last_mut()) {
        let optional = arg.get_num_args().is_some_and(|count| count.min_values() == 0);
        *last += &if optional { format!("[={value}]") } else { format!(" {value}") };
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn meaning(arg: &Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<_> = if arg.get_action().takes_values() {
        arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect()
    } else {
        Vec::new()
    };
    if !values.is_empty() {
        write!(text, ". One of {}", values.join(", ")).expect("a string takes any text");
    }
    if let [default] = arg.get_default_values()
        && arg.get_action().takes_values()
    {
        write!(text, " [default: {}]", default.to_string_lossy()).expect("a string takes any text");
    }
    text.replace('|', "\\|")
}

#[test]
fn the_source_map_names_every_file_and_folder_below_src() {
    let map = read(ARCHITECTURE);
    for folder in ["src", "src/bin/refbench"] {
        for entry in fs::read_dir(folder).expect("the sources") {
            let entry = entry.expect("a source");
            let name = entry.file_name().to_string_lossy().into_owned();
            let folder = entry.path().is_dir();
            // `run.rs` and `run/` are one module, named once.
            let file_of_folder = entry.path().with_extension("rs").is_file();
            if folder && file_of_folder {
                continue;
            }
            let name = if folder { format!("`{name}/`") } else { format!("`{name}`") };
            assert!(map.contains(&name), "{ARCHITECTURE} does not name {name}");
        }
    }
}

#[test]
fn the_architecture_gives_a_reason_for_every_dependency() {
    let text = read(ARCHITECTURE);
    let cargo: toml::Table = read("Cargo.toml").parse().expect("Cargo.toml");
    for section in ["dependencies", "dev-dependencies"] {
        for name in cargo[section].as_table().expect("a table").keys() {
            assert!(
                text.contains(&format!("| `{name}` |")),
                "{ARCHITECTURE} has no row for {name}"
            );
        }
    }
}

/// The number in a cell is the rule's place in the flow's order.
#[test]
fn the_page_on_flows_has_the_rules_of_the_option_table_in_their_order() {
    let page = read("docs/FLOWS.md");
    let table: serde_json::Value =
        serde_yaml::from_str(&read("perf-tests/pytorch-config.yml")).expect("the option table");
    for rule in table["rules"].as_object().expect("the rules").keys() {
        let places = ["seed", "v1.1", "v1.2"].map(|flow| {
            let rules = table["flows"][flow]["rules"].as_array().expect("the rules of a flow");
            let place = rules.iter().position(|name| name == rule);
            place.map_or_else(|| "–".to_owned(), |place| (place + 1).to_string())
        });
        let row = format!("| `{rule}` | {} |", places.join(" | "));
        assert!(page.contains(&row), "no such row: {row}");
    }
}

#[test]
fn the_links_of_the_documents_lead_somewhere() {
    let mut documents: Vec<PathBuf> =
        fs::read_dir("docs").expect("docs").map(|entry| entry.expect("a page").path()).collect();
    documents.retain(|path| path.extension().is_some_and(|it| it == "md"));
    let more = [README, "CONTRIBUTING.md", "CHANGELOG.md", "docs/ci/README.md"];
    documents.extend(more.map(PathBuf::from));
    let mut links = 0;
    for document in documents {
        let folder = document.parent().expect("a folder").to_owned();
        for rest in read(&document).split("](").skip(1) {
            let target = rest.split([')', '#']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            links += 1;
            assert!(folder.join(target).exists(), "{}: {target}", document.display());
        }
    }
    assert!(links > 5, "{links}");
}

#[test]
fn the_pipelines_name_flags_that_exist() {
    let run = Cli::command();
    let compare = <CompareArgs as clap::Args>::augment_args(clap::Command::new("compare"));
    let mut checked = 0;
    for name in ["Jenkinsfile", ".gitlab-ci.yml", "github-workflow.yml"] {
        let text = read(Path::new("docs/ci").join(name));
        for line in text.lines() {
            let Some((_, words)) = line.split_once("trtllm-perf ") else { continue };
            let command = match words.split_whitespace().next() {
                Some("run") => &run,
                Some("compare") => &compare,
                other => panic!("{name}: no command: {other:?}"),
            };
            let known =
                |flag: &str| command.get_arguments().any(|arg| arg.get_long() == Some(flag));
            for word in words.split_whitespace().filter_map(|word| word.strip_prefix("--")) {
                let flag = word.split('=').next().unwrap_or(word);
                assert!(known(flag), "{name}: --{flag}");
                checked += 1;
            }
        }
    }
    assert!(checked >= 15, "{checked}");
}
