#!/bin/sh
# The page in headless Chromium: see browser.mjs.
exec tests/lib/browser tests/page/browser.mjs
