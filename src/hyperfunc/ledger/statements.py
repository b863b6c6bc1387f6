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

PUT_CALL = """
INSERT INTO calls (key, function, value, created, run) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""

PUT_CANDIDATE = """
INSERT INTO candidates (id, run, value, parents, born, created)
VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""

PUT_EVENT = "INSERT INTO events (run, kind, payload, created) VALUES (?, ?, ?, ?)"

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
    PUT_EVENT,
)

GET_CELL = """
SELECT prediction, failure, calls, cost, seconds, score, feedback, details
FROM cells LEFT JOIN scores ON cell = id AND scorer IS ?
WHERE program = ? AND seed = ? AND candidate = ? AND example = ? AND repeat = ?"""

GET_REQUEST = """
SELECT key, run, model, request, response, prompt_tokens, completion_tokens, cost, created
FROM requests WHERE key = ? ORDER BY id LIMIT 1"""

GET_REQUESTS = """
SELECT key, run, model, request, response, prompt_tokens, completion_tokens, cost, created
FROM requests WHERE key IN (SELECT value FROM json_each(?)) ORDER BY id DESC"""

PAID = """
SELECT count(*), coalesce(sum(prompt_tokens + completion_tokens), 0), total(cost)
FROM requests WHERE run = ?1 OR (run >= ?1||'/' AND run < ?1||'0')"""

ANSWERED_BY = """
SELECT DISTINCT model, coalesce(json_extract(CAST(response AS TEXT), '$.fingerprint'), '')
FROM requests WHERE run = ?1 OR (run >= ?1||'/' AND run < ?1||'0') ORDER BY 1, 2"""

GET_CALL = "SELECT value FROM calls WHERE key = ?"

GET_CANDIDATE = """
SELECT id, run, value, parents, born, created FROM candidates WHERE id = ? ORDER BY created LIMIT 1"""

CANDIDATES_OF = """
SELECT id, run, value, parents, born, created FROM candidates WHERE run = ? ORDER BY created, rowid"""

RUNS = "SELECT id, status, meta, created, updated FROM runs ORDER BY created, rowid"

EVENTS = "SELECT id, kind, payload, created FROM events WHERE run = ? ORDER BY id"

ALL_EVENTS_OF_KIND = "SELECT id, kind, payload, created, run FROM events WHERE kind = ? ORDER BY id"

EVENTS_OF_KIND = "SELECT id, kind, payload, created FROM events WHERE run = ? AND kind = ? ORDER BY id"

# Candidates come before cells, which are those of the candidates.
SEALED = {
    "run": "SELECT rowid, id, meta, created FROM runs WHERE id = :run",
    "candidates": """
SELECT rowid, id, value, parents, born, created FROM candidates
WHERE run = :run AND rowid <= :last ORDER BY rowid""",
    "events": """
SELECT id, kind, payload, created FROM events
WHERE run = :run AND kind <> 'certificate' AND id <= :last ORDER BY id""",
    "requests": """
SELECT id, key, run, model, request, response, prompt_tokens, completion_tokens, cost, created
FROM requests WHERE (run = :run OR (run >= :run||'/' AND run < :run||'0')) AND id <= :last ORDER BY id""",
    "calls": """
SELECT rowid, key, function, value, created, run FROM calls
WHERE (run = :run OR (run >= :run||'/' AND run < :run||'0')) AND rowid <= :last ORDER BY rowid""",
    "cells": """
SELECT cells.id, candidate, example, repeat, prediction, failure, calls, cost, seconds,
score, feedback, details
FROM cells LEFT JOIN scores ON cell = cells.id AND scorer IS :scorer
WHERE program = :program AND seed = :seed AND cells.id <= :last
AND candidate IN (SELECT id FROM candidates WHERE run = :run AND rowid <= :newest)
AND (:scorer IS NULL OR score IS NOT NULL OR failure IS NOT NULL) ORDER BY cells.id""",
}
"""What belongs to a run, by table; the first column is the number of a row."""

SIZES = """
SELECT 'cells', count(*), total(length(prediction)) FROM cells
UNION ALL SELECT 'scores', count(*), total(length(feedback)) + total(length(details)) FROM scores
UNION ALL SELECT 'requests', count(*), total(length(request)) + total(length(response)) FROM requests
UNION ALL SELECT 'calls', count(*), total(length(value)) FROM calls
UNION ALL SELECT 'candidates', count(*), total(length(value)) FROM candidates
UNION ALL SELECT 'runs', count(*), total(length(meta)) FROM runs
UNION ALL SELECT 'events', count(*), total(length(payload)) FROM events"""
