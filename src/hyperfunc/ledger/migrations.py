"""The schema of the ledger as numbered steps; a file's ``user_version`` says how many it has had.

A released step never changes: a new schema is a new function at the end of :data:`MIGRATIONS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

__all__ = ["APPLICATION_ID", "MIGRATIONS", "migrate", "version_of"]

APPLICATION_ID = 0x48794675  # "HyFu", in the header of every ledger file


def m001_initial(db: sqlite3.Connection) -> None:
    """Cells and their scores, paid requests, cached calls, candidates, runs and what runs leave behind."""
    for statement in _INITIAL.split(";\n"):
        db.execute(statement)


def m002_runs_of_calls(db: sqlite3.Connection) -> None:
    """Who made a kept call; the tables of steps and optimizer states, which nothing used, are gone."""
    db.execute("ALTER TABLE calls ADD COLUMN run TEXT NOT NULL DEFAULT ''")
    db.execute("DROP TABLE IF EXISTS steps")
    db.execute("DROP TABLE IF EXISTS states")


MIGRATIONS = [m001_initial, m002_runs_of_calls]


def version_of(db: sqlite3.Connection) -> int:
    """How many migrations a file has had."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def migrate(db: sqlite3.Connection) -> None:
    """Bring a file up to date in one transaction; other processes wait and then find it done.

    It writes in any case, so that a file that cannot be written is noticed here and not later.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        for step in MIGRATIONS[version_of(db) :]:
            step(db)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


_INITIAL = """\
CREATE TABLE cells (
    id INTEGER PRIMARY KEY,
    program TEXT NOT NULL,
    seed TEXT NOT NULL,
    candidate TEXT NOT NULL,
    example TEXT NOT NULL,
    repeat INTEGER NOT NULL,
    prediction BLOB,
    failure TEXT,
    calls INTEGER NOT NULL,
    cost REAL,
    seconds REAL NOT NULL,
    UNIQUE (program, seed, candidate, example, repeat)
);
CREATE TABLE scores (
    cell INTEGER NOT NULL REFERENCES cells (id),
    scorer TEXT NOT NULL,
    score REAL NOT NULL,
    feedback TEXT NOT NULL,
    details BLOB,
    PRIMARY KEY (cell, scorer)
) WITHOUT ROWID;
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    run TEXT NOT NULL,
    model TEXT NOT NULL,
    request BLOB NOT NULL,
    response BLOB NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost REAL,
    created REAL NOT NULL,
    UNIQUE (key, run)
);
CREATE INDEX requests_of_run ON requests (run);
CREATE TABLE calls (
    key TEXT PRIMARY KEY,
    function TEXT NOT NULL,
    value BLOB NOT NULL,
    created REAL NOT NULL
);
CREATE TABLE candidates (
    id TEXT NOT NULL,
    run TEXT NOT NULL,
    value BLOB NOT NULL,
    parents BLOB NOT NULL,
    born TEXT NOT NULL,
    created REAL NOT NULL,
    PRIMARY KEY (id, run)
);
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    meta BLOB NOT NULL,
    created REAL NOT NULL,
    updated REAL NOT NULL
);
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload BLOB NOT NULL,
    created REAL NOT NULL
);
CREATE INDEX events_of_run ON events (run, kind)"""
