#!/usr/bin/env bash
# Replaying a run in the page: see run.mjs.
exec node tests/page/run.mjs "${B:-build}"
