#!/usr/bin/env perl
# Each file of the page's engines compiles for WebAssembly: `make check` runs this, so that a change of the
# model or of the replay that the page cannot have is noticed at once. Called by make, which says how.
use strict;
use warnings;
use Test::More;

my @files = split ' ', $ENV{PAGE_FILES_OF_C} // '';
plan skip_all => 'call this by make check or make test' if !@files;
cmp_ok(scalar @files, '>', 20, 'the engines have files');
for my $file (@files) {
    my $output = `$ENV{PAGE_COMPILER} -O2 -fsyntax-only '$file' 2>&1`;
    is($?, 0, "$file compiles") or diag($output);
}
done_testing();
