#!/usr/bin/env perl
# Every header compiles alone, whatever was included before it.
use strict;
use warnings;
use lib "$ENV{LINT_HOME}/tests/lib";
use Test::More;
use Tree qw(source_files read_text compile);

for my $path (grep { /\.h$/ } source_files()) {
    my ($status, $output) = compile('-fsyntax-only', '-x', 'c', '-include', $path, '/dev/null');
    ok($status == 0, "$path compiles alone") or diag($output);
    like(read_text($path), qr/^#pragma once$/m, "$path may be included twice");
}
done_testing();
