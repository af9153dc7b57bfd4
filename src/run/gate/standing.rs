//! What the verdicts of a gate are worth where it measures: its self-checks, as the history has them.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use crate::case::Engine;
use crate::gpu;
use crate::history::{self, Entries, Mode};
use crate::machine;
use crate::run::Asked;
use crate::verdict::selfcheck::{Rate, Tally};

/// The self-checks on one class of machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub machine_class: String,
    /// `None` before the first pair, of a program that has not said its engine yet.
    pub engine: Option<String>,
    pub tally: Tally,
}

/// A standing as it is written beside the verdicts.
#[derive(Debug, Serialize)]
pub struct Told<'a> {
    machine_class: &'a str,
    engine: Option<&'a str>,
    advisory: bool,
    /// How many verdicts on equal programs there are.
    verdicts: u64,
    false_alarms: Option<Rate>,
    tally: Tally,
}

impl Standing {
    /// One line for people.
    pub fn line(&self) -> String {
        format!("{}: {}", self.place(), self.tally.line())
    }

    /// Machine class and engine.
    pub fn place(&self) -> String {
        match &self.engine {
            Some(engine) => format!("{}, {engine}", self.machine_class),
            None => self.machine_class.clone(),
        }
    }

    /// For a file.
    pub fn told(&self) -> Told<'_> {
        Told {
            machine_class: &self.machine_class,
            engine: self.engine.as_deref(),
            advisory: self.tally.is_advisory(),
            verdicts: self.tally.verdicts(),
            false_alarms: self.tally.false_alarms(),
            tally: self.tally,
        }
    }
}

/// All self-checks of a history, and those of where a gate will measure.
#[derive(Debug)]
pub struct Worth {
    known: Entries,
    /// As far as the place is known before the first pair.
    pub expected: Vec<Standing>,
}

impl Worth {
    /// Reads them; none of a history that is not there or cannot be read, which is said.
    pub fn read(place: &history::Place, engines: &[Engine], asked: &Asked) -> Self {
        let there = place.file().is_none_or(Path::exists) && *place != history::Place::Nowhere;
        let read = || place.open(Mode::Existing)?.entries();
        let known = match there.then(read) {
            Some(Ok(entries)) => entries,
            Some(Err(error)) => {
                eprintln!("note: read the self-checks: {error}");
                Entries::default()
            }
            None => Entries::default(),
        };
        let worth = Self { known, expected: Vec::new() };
        let mut expected: Vec<Standing> = Vec::new();
        for standing in engines.iter().flat_map(|engine| worth.expect(*engine, asked)) {
            if !expected.contains(&standing) {
                expected.push(standing);
            }
        }
        Self { expected, ..worth }
    }

    /// A bench program says what engine it measures with its first report; until then all that were checked on its class of
    /// machines are told.
    fn expect(&self, engine: Engine, asked: &Asked) -> Vec<Standing> {
        let gpu = asked.gpus.found.devices.first().filter(|_| engine == Engine::TrtllmBench);
        match gpu {
            Some(gpu) => self.of_class(&gpu::device_subtype(&gpu.name)),
            None => self.of_class(&machine::cpu_model().unwrap_or_else(|| "unknown".to_owned())),
        }
    }

    /// Whether a verdict is advice: no self-check shows that the promise is kept where it comes from. Without a pair nothing
    /// says where that is.
    pub fn is_advisory(&self, machine_class: &str, engine: &str) -> bool {
        match machine_class {
            "" => self.expected.iter().any(|it| it.tally.is_advisory()),
            class => self.known.self_check(class, engine).is_advisory(),
        }
    }

    /// Of each place that was measured on and that the head could not tell of.
    pub fn late(&self, measured_on: &BTreeSet<(&str, &str)>) -> Vec<Standing> {
        let measured = measured_on.iter().map(|(class, engine)| self.of(class, engine));
        // Nothing on record of a class of machines is nothing of any engine on it.
        let said = |it: &Standing| {
            self.expected.iter().any(|head| {
                head.machine_class == it.machine_class
                    && (head.engine.is_none() || head.engine == it.engine)
            })
        };
        measured.filter(|it| !said(it)).collect()
    }

    /// That of a class of machines and an engine.
    fn of(&self, machine_class: &str, engine: &str) -> Standing {
        Standing {
            machine_class: machine_class.to_owned(),
            engine: Some(engine.to_owned()),
            tally: self.known.self_check(machine_class, engine),
        }
    }

    fn of_class(&self, machine_class: &str) -> Vec<Standing> {
        let here = self.known.self_checks.iter().filter(|it| it.machine_class == machine_class);
        let mut engines: Vec<&str> = here.map(|it| it.engine.as_str()).collect();
        engines.sort_unstable();
        engines.dedup();
        if engines.is_empty() {
            let machine_class = machine_class.to_owned();
            return vec![Standing { machine_class, engine: None, tally: Tally::default() }];
        }
        engines.into_iter().map(|engine| self.of(machine_class, engine)).collect()
    }
}
