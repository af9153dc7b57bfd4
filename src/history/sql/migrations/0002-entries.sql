-- What people say of it. Rows are added, never changed.

CREATE TABLE annotation (
    entry INTEGER PRIMARY KEY,
    made INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    about_time INTEGER,
    about_run TEXT,
    about_release TEXT,
    case_pattern TEXT,
    words TEXT NOT NULL
) STRICT;

CREATE TABLE invalidation (
    entry INTEGER PRIMARY KEY,
    made INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    run_id TEXT NOT NULL,
    case_pattern TEXT,
    metric TEXT,
    reason TEXT NOT NULL,
    taken_back INTEGER NOT NULL
) STRICT;

CREATE TABLE blessing (
    entry INTEGER PRIMARY KEY,
    made INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    label TEXT NOT NULL,
    fields TEXT NOT NULL,
    metric TEXT NOT NULL,
    machine_class TEXT NOT NULL,
    engine TEXT NOT NULL,
    level REAL NOT NULL,
    release TEXT,
    reason TEXT NOT NULL
) STRICT;

CREATE TABLE alias (
    entry INTEGER PRIMARY KEY,
    made INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    old_label TEXT NOT NULL,
    old_fields TEXT NOT NULL,
    new_label TEXT NOT NULL,
    new_fields TEXT NOT NULL
) STRICT;
