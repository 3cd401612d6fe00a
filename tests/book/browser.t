#!/bin/sh
# The book in headless Chromium: see browser.mjs.
exec tests/lib/browser tests/book/browser.mjs
