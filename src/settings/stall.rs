//! `--stall`, `--stall-active` and the table `[stall]` of the settings file.

use std::time::Duration;

use serde::Deserialize;

use crate::trial::{Silence, Silences};

/// `[stall]`: times by kind of step.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table by step, such as `[stall]` with `bench = { idle = 600, active = 1800 }`"
)]
pub(super) struct Table {
    dataset: Option<Times>,
    build: Option<Times>,
    bench: Option<Times>,
}

/// Seconds; 0 is never, and what is left out stays as it is.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table of seconds, such as `{ idle = 600, active = 1800 }`"
)]
struct Times {
    idle: Option<u64>,
    active: Option<u64>,
}

impl Times {
    /// Why the two do not fit together.
    fn fault(self) -> Option<String> {
        let (idle, active) = (self.idle?, self.active?);
        (active != 0 && active < idle).then(|| {
            format!("a step at work would get less time ({active} s) than an idle one ({idle} s)")
        })
    }

    fn over(self, silence: Silence) -> Silence {
        Silence {
            idle: self.idle.map_or(silence.idle, Duration::from_secs),
            active: self.active.map_or(silence.active, Duration::from_secs),
        }
    }
}

impl Table {
    /// The defaults with this table over them; an error names its key.
    pub(super) fn silences(&self) -> Result<Silences, (String, String)> {
        let steps = [("dataset", self.dataset), ("build", self.build), ("bench", self.bench)];
        for (step, times) in steps {
            if let Some(fault) = times.and_then(Times::fault) {
                return Err((format!("stall.{step}"), fault));
            }
        }
        let default = Silences::default();
        let over = |times: Option<Times>, silence| times.unwrap_or_default().over(silence);
        Ok(Silences {
            dataset: over(self.dataset, default.dataset),
            build: over(self.build, default.build),
            bench: over(self.bench, default.bench),
        })
    }
}

/// The flags, which are for every step, over `silences`; an error says why they do not fit together.
pub(super) fn flags(
    silences: Silences,
    idle: Option<u64>,
    active: Option<u64>,
) -> Result<Silences, String> {
    let times = Times { idle, active };
    match times.fault() {
        Some(fault) => Err(fault),
        None => Ok(silences.map(|silence| times.over(silence))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Silences, (String, String)> {
        toml::from_str::<Table>(text).expect("a table").silences()
    }

    const fn seconds(idle: u64, active: u64) -> Silence {
        Silence { idle: Duration::from_secs(idle), active: Duration::from_secs(active) }
    }

    #[test]
    fn the_file_speaks_by_step_and_the_flags_for_all() {
        let default = Silences::default();
        assert_eq!(table("").expect("no table"), default);
        let file =
            table("build = { idle = 7, active = 9 }\nbench = { active = 0 }\n").expect("good");
        assert_eq!(file.dataset, default.dataset);
        assert_eq!(file.build, seconds(7, 9));
        assert_eq!(file.bench, Silence { active: Duration::ZERO, ..default.bench });
        let both = flags(file, Some(3), None).expect("good");
        assert_eq!((both.build, both.bench), (seconds(3, 9), seconds(3, 0)));
        assert_eq!(flags(both, None, Some(5)).expect("good").build, seconds(3, 5));
    }

    #[test]
    fn less_time_for_a_step_at_work_is_refused_where_it_is_said() {
        let (key, fault) = table("build = { idle = 9, active = 7 }").expect_err("bad");
        assert_eq!(key, "stall.build");
        assert_eq!(fault, "a step at work would get less time (7 s) than an idle one (9 s)");
        assert!(flags(Silences::default(), Some(9), Some(7)).is_err());
        assert!(flags(Silences::default(), Some(9), Some(0)).is_ok(), "0 is never");
        assert!(toml::from_str::<Table>("bench = { silent = 1 }").is_err());
    }

    #[test]
    fn a_number_in_place_of_a_table_is_told_what_stands_there() {
        #[derive(Debug, Deserialize)]
        struct File {
            #[expect(dead_code, reason = "only read to be refused")]
            stall: Table,
        }
        for (text, expected) in [
            ("stall = 5", "invalid type: integer `5`, expected a table by step, such as `[stall]`"),
            ("[stall]\nbench = 5", "invalid type: integer `5`, expected a table of seconds"),
        ] {
            let error = toml::from_str::<File>(text).expect_err("no table").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
