#!/usr/bin/env perl
# Without a budget the search ends: no history, however long, violates an invariant. The reductions that
# it needs lose no state: where the search without them ends too, both have visited the same states.
# Rounds that are made at once lead to the same states as rounds that are interrupted.
use strict;
use warnings;
use Test::More;

my $program = ($ENV{B} // 'build') . '/model/model';
my %compared = ('' => [qw(moved-always nested edges two-fields suppressed modes-one ipis-x2apic)], 'software' => [qw(nested)]);

my @interrupted = qw(nested-always rewrite-always disabled-always);

for my $words ('', 'software') {
    my $log = `$program $words endless`;
    is($?, 0, "no history violates an invariant $words") or diag($log);
    my @lines = $log =~ /^(BOUND .*)/mg;
    print STDERR map { "$_\n" } $log =~ /^((?:BOUND|MODEL) .*)/mg;
    cmp_ok(scalar @lines, '>=', 5, 'in several bounds');
    is_deeply([grep { !/ fixed point$/ && !/ name=(?:x2apic|modes)-edges / } @lines], [], 'each search ends by itself');
    is_deeply([grep { / cut$/ } @lines], [], 'and so do those that have a budget');

    $log = `$program $words compare @{$compared{$words}}`;
    is($?, 0, "the reductions lose no state $words") or diag($log);
    print STDERR $log;
    is(scalar(() = $log =~ /^COMPARE .* equal$/mg), 3 * @{$compared{$words}}, 'in these bounds');
}

# With posted interrupts, without reductions.
my $log = `$program posted endless modes-edges ipis-x2apic`;
is($?, 0, 'nor does any with posted interrupts') or diag($log);
my %visited = $log =~ /^BOUND name=(\S+) states=(\d+) /mg;
print STDERR map { "$_\n" } $log =~ /^(BOUND .*)/mg;
cmp_ok($visited{$_} // 0, '>=', 100_000, "in many states: $_") for 'modes-edges', 'ipis-x2apic';
like($log, qr/^BOUND name=ipis-x2apic .* fixed point$/m, 'and with IPIs the search ends');

my %states;
for my $how ('rounds', 'interrupted') {
    $log = `$program $how endless @interrupted`;
    is($?, 0, "nothing is violated with $how") or diag($log);
    print STDERR map { "$_\n" } $log =~ /^(BOUND .*)/mg;
    $states{$how} = [$log =~ /^BOUND (name=\S+ states=\d+) /mg];
}
is(scalar @{$states{rounds}}, scalar @interrupted, 'each bound is explored with whole rounds');
is_deeply($states{interrupted}, $states{rounds}, 'a round that is interrupted leads to no other state');
done_testing();
