#!/usr/bin/env perl
# No state within the bounds violates an invariant; nor do, on the production code, the paths that led
# to a violation in a mutant or in an earlier version.
use strict;
use warnings;
use Test::More;

my $program = ($ENV{B} // 'build') . '/model/model';
my $least = $ENV{MODEL_LEAST} // 5_000_000;

my $log = `$program`;
is($?, 0, 'no state within the bounds violates an invariant') or diag($log);
my ($line, $states) = $log =~ /^(MODEL states=(\d+) .*)/m;
print STDERR map { "$_\n" } $log =~ /^((?:BOUND|MODEL) .*)/mg;
cmp_ok($states // 0, '>=', $least, 'enough states were visited');

my $software = `$program software`;
is($?, 0, 'nor with delivery in software') or diag($software);
($line, $states) = $software =~ /^(MODEL states=(\d+) .*)/m;
print STDERR map { "$_\n" } $software =~ /^((?:BOUND|MODEL) .*)/mg;
cmp_ok($states // 0, '>=', $least, 'enough states were visited');

my $posted = `$program posted`;
is($?, 0, 'nor with posted interrupts, in the bounds with edges') or diag($posted);
($line, $states) = $posted =~ /^(MODEL states=(\d+) .*)/m;
print STDERR map { "$_\n" } $posted =~ /^((?:BOUND|MODEL) .*)/mg;
cmp_ok($states // 0, '>=', $least, 'enough states were visited');

for my $path (sort glob 'tests/model/replays/*') {
    open my $file, '<', $path or die "$path: $!\n";
    my ($words) = grep { !/^#/ } <$file>;
    chomp $words;
    # Without posted interrupts some moves of posted_* do not exist.
    for my $way ($path =~ m{/posted_} ? () : ('', 'software'), 'posted') {
        my $story = `$program $way replay $words`;
        is($?, 0, "$path violates nothing" . ($way && " with $way")) or diag($story);
    }
}
done_testing();
