#!/usr/bin/env bash
# The page's engine is the model checker: see engine.mjs.
exec node tests/page/engine.mjs "${B:-build}"
