"""The SQL of the ledger: what is inserted, in the order of one commit, and what is asked."""

from __future__ import annotations

__all__ = ["ORDER"]

# What is there stays: equal keys mean equal content, and whoever comes second changes nothing.
PUT_CELL = """
INSERT INTO cells (program, seed, candidate, example, repeat, calls, seconds, prediction, failure, cost)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""

# A score belongs to the prediction that it judged: two runs may have got different ones at the same time.
PUT_SCORE = """
INSERT INTO scores (cell, scorer, score, feedback, details)
SELECT id, ?6, ?7, ?8, ?11 FROM cells
WHERE program = ?1 AND seed = ?2 AND candidate = ?3 AND example = ?4 AND repeat = ?5
AND prediction IS ?9 AND failure IS ?10 ON CONFLICT DO NOTHING"""

PUT_REQUEST = """
INSERT INTO requests (key, run, model, request, response, prompt_tokens, completion_tokens, created, cost)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""

PUT_CALL = "INSERT INTO calls (key, function, value, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"

PUT_CANDIDATE = """
INSERT INTO candidates (id, run, value, parents, born, created)
VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""

PUT_STEP = """
INSERT INTO steps (run, step, digest, scores, note, created)
VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""

PUT_EVENT = "INSERT INTO events (run, kind, payload, created) VALUES (?, ?, ?, ?)"

PUT_STATE = "INSERT OR REPLACE INTO states (run, name, value, arrays, updated) VALUES (?, ?, ?, ?, ?)"

PUT_RUN = """
INSERT INTO runs (id, status, meta, created, updated) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""

SET_RUN = "UPDATE runs SET status = ?, meta = ?, updated = ? WHERE id = ?"

ORDER = (
    PUT_CELL,
    PUT_SCORE,
    PUT_REQUEST,
    PUT_CALL,
    PUT_CANDIDATE,
    PUT_RUN,
    SET_RUN,
    PUT_STEP,
    PUT_EVENT,
    PUT_STATE,
)

GET_CELL = """
SELECT prediction, failure, calls, cost, seconds, score, feedback, details
FROM cells LEFT JOIN scores ON cell = id AND scorer IS ?
WHERE program = ? AND seed = ? AND candidate = ? AND example = ? AND repeat = ?"""

GET_REQUEST = """
SELECT key, run, model, request, response, prompt_tokens, completion_tokens, cost, created
FROM requests WHERE key = ? ORDER BY id LIMIT 1"""

SPENT = """
SELECT count(*), coalesce(sum(prompt_tokens + completion_tokens), 0), total(cost)
FROM requests WHERE run = ?"""

GET_CALL = "SELECT value FROM calls WHERE key = ?"

GET_CANDIDATE = """
SELECT id, run, value, parents, born, created FROM candidates WHERE id = ? ORDER BY created LIMIT 1"""

CANDIDATES_OF = """
SELECT id, run, value, parents, born, created FROM candidates WHERE run = ? ORDER BY created, rowid"""

RUNS = "SELECT id, status, meta, created, updated FROM runs ORDER BY created, rowid"

STEPS = "SELECT step, digest, scores, note, created FROM steps WHERE run = ? ORDER BY step"

GET_STEP = "SELECT step, digest, scores, note, created FROM steps WHERE run = ? AND step = ?"

EVENTS = "SELECT id, kind, payload, created FROM events WHERE run = ? ORDER BY id"

EVENTS_OF_KIND = "SELECT id, kind, payload, created FROM events WHERE run = ? AND kind = ? ORDER BY id"

GET_STATE = "SELECT name, value, arrays, updated FROM states WHERE run = ? AND name = ?"

SIZES = """
SELECT 'cells', count(*), total(length(prediction)) FROM cells
UNION ALL SELECT 'scores', count(*), total(length(feedback)) + total(length(details)) FROM scores
UNION ALL SELECT 'requests', count(*), total(length(request)) + total(length(response)) FROM requests
UNION ALL SELECT 'calls', count(*), total(length(value)) FROM calls
UNION ALL SELECT 'candidates', count(*), total(length(value)) FROM candidates
UNION ALL SELECT 'runs', count(*), total(length(meta)) FROM runs
UNION ALL SELECT 'steps', count(*), total(length(scores)) + total(length(note)) FROM steps
UNION ALL SELECT 'events', count(*), total(length(payload)) FROM events
UNION ALL SELECT 'states', count(*), total(length(value)) + total(length(arrays)) FROM states"""
