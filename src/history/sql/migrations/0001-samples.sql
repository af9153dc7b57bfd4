-- What was measured. Times are microseconds since 1970 in UTC.

CREATE TABLE facts (
    facts_key INTEGER PRIMARY KEY,
    -- The first 32 hex digits of the SHA-256 of the text, as in the tables below.
    digest TEXT NOT NULL UNIQUE,
    facts TEXT NOT NULL
) STRICT;

CREATE TABLE run (
    run_key INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    origin TEXT NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER,
    prefix TEXT,
    release TEXT,
    facts_key INTEGER NOT NULL REFERENCES facts
) STRICT;

CREATE INDEX run_started ON run (started);

CREATE TABLE perf_case (
    case_key INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    label TEXT NOT NULL,
    fields TEXT NOT NULL
) STRICT;

CREATE TABLE platform (
    platform_key INTEGER PRIMARY KEY,
    machine_class TEXT NOT NULL,
    engine TEXT NOT NULL,
    UNIQUE (machine_class, engine)
) STRICT;

CREATE TABLE test (
    test_key INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE attempt (
    attempt_key INTEGER PRIMARY KEY,
    run_key INTEGER NOT NULL REFERENCES run,
    test_key INTEGER NOT NULL REFERENCES test,
    number INTEGER NOT NULL,
    case_key INTEGER NOT NULL REFERENCES perf_case,
    platform_key INTEGER NOT NULL REFERENCES platform,
    facts_key INTEGER NOT NULL REFERENCES facts,
    started INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    message TEXT,
    standing TEXT,
    -- Of outcome, times and numbers: whether the attempt is still the one that was kept.
    digest INTEGER NOT NULL,
    UNIQUE (run_key, test_key, number)
) STRICT;

-- What stood where another attempt stands now, which had no number.
CREATE TABLE attempt_before (
    attempt_key INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    message TEXT
) STRICT;

CREATE TABLE certificate (
    attempt_key INTEGER PRIMARY KEY REFERENCES attempt,
    findings TEXT NOT NULL
) STRICT;

CREATE TABLE series (
    series_key INTEGER PRIMARY KEY,
    case_key INTEGER NOT NULL REFERENCES perf_case,
    platform_key INTEGER NOT NULL REFERENCES platform,
    metric TEXT NOT NULL,
    UNIQUE (case_key, platform_key, metric)
) STRICT;

CREATE TABLE metric_limits (
    limits_key INTEGER PRIMARY KEY,
    threshold REAL NOT NULL,
    absolute_threshold REAL NOT NULL,
    UNIQUE (threshold, absolute_threshold)
) STRICT;

-- In the order in which they are read: a series over time.
CREATE TABLE sample (
    series_key INTEGER NOT NULL REFERENCES series,
    started INTEGER NOT NULL,
    attempt_key INTEGER NOT NULL REFERENCES attempt,
    run_key INTEGER NOT NULL REFERENCES run,
    value REAL NOT NULL,
    limits_key INTEGER NOT NULL REFERENCES metric_limits,
    state TEXT NOT NULL,
    PRIMARY KEY (series_key, started, attempt_key)
) STRICT, WITHOUT ROWID;
