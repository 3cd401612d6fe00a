#!/usr/bin/env perl
# Runs each fuzzer on its corpus, and then on new inputs for FUZZ_SECONDS (30 by default). An input
# that fails is left in build/fuzz/found, and the command that repeats it is printed.
use strict;
use warnings;
use File::Path 'make_path';
use Test::More;

my $build = $ENV{B} // 'build';
my $seconds = $ENV{FUZZ_SECONDS} // 30;
my @sources = glob 'tests/fuzz/fuzz_*.c';
cmp_ok(scalar @sources, '>', 0, 'fuzzers exist');
for (@sources) {
    my ($name) = m{fuzz_(\w+)\.c$};
    my $found = "$build/fuzz/found/$name";
    make_path($found, "$build/fuzz/new/$name");
    my @corpus = glob "tests/fuzz/corpus/$name/*";
    cmp_ok(scalar @corpus, '>', 0, "$name: has a corpus");
    my $program = "$build/fuzz/fuzz_$name";
    my $log = `$program -seed=1 -max_total_time=$seconds -print_final_stats=1 -artifact_prefix=$found/ $build/fuzz/new/$name tests/fuzz/corpus/$name 2>&1`;
    my $status = $?;
    my ($runs) = $log =~ /number_of_executed_units:\s+(\d+)/;
    is($status, 0, "$name: finds nothing in $seconds s")
        or diag(join "\n", (split /\n/, $log)[-40 .. -1], "again: $program $found/...");
    cmp_ok($runs // 0, '>', scalar @corpus, "$name: has run");
    diag("FUZZ name=$name runs=" . ($runs // 0) . " seconds=$seconds");
}
done_testing();
