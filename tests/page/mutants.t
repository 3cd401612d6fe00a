#!/usr/bin/env bash
# The mutants in the page: see mutants.mjs.
exec node tests/page/mutants.mjs "${B:-build}"
