#!/usr/bin/env perl
# The layout of the C files is clang-format's (`make format` applies it), and shellcheck finds
# nothing in the scripts.
use strict;
use warnings;
use lib "$ENV{LINT_HOME}/tests/lib";
use Test::More;
use Tree qw(files source_files read_text);

my @paths = source_files();
my %first;
for (reverse split /\n/, @paths ? `clang-format --dry-run @paths 2>&1` : '') {
    $first{$1} = $_ if /^([^:\s]+):\d+:/;
}
is($?, 0, 'clang-format runs');
is($first{$_}, undef, "$_ has clang-format's layout") for @paths;

for my $path (grep { !/\./ || /\.sh$|^\.ci\// } files()) {
    next unless read_text($path) =~ /^#!.*\b(?:ba)?sh\b/;
    my $output = `shellcheck -x '$path' 2>&1`;
    is($?, 0, "$path passes shellcheck") or diag($output);
}
done_testing();
