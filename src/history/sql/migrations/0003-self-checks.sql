-- How often the paired gate was wrong on equal programs. Rows are added, never changed.

CREATE TABLE self_check (
    entry INTEGER PRIMARY KEY,
    made INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    machine_class TEXT NOT NULL,
    engine TEXT NOT NULL,
    harness TEXT NOT NULL,
    passed INTEGER NOT NULL,
    improved INTEGER NOT NULL,
    regressed INTEGER NOT NULL,
    inconclusive INTEGER NOT NULL,
    invalid INTEGER NOT NULL
) STRICT;
