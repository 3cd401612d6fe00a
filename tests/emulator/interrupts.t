#!/usr/bin/env perl
# The interrupt path: what each guest reports, and what the hypervisor counted; four vCPUs on four
# CPUs, on two and on one. On two twice, since a run has to repeat exactly: a counter that depends on
# luck would be none.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file);
use Test::More;

sub check_interrupts {
    my ($log, $status) = @_;
    is($status, 1, 'the run notices that a guest failed');
    # This guest's report is there to be noticed, so it is none of ours.
    is(scalar(@{delete $log->{tap}{fail} // []}), 1, 'the guest that fails on purpose reported once');
    check_file($log, 'tests/emulator/interrupts.expect');
}

my ($log, $status) = boot('interrupts', cpus => 2);
check_interrupts($log, $status);

my ($again) = boot('interrupts-again', image => 'interrupts', cpus => 2);
is_deeply([$again->repeatable], [$log->repeatable], 'a second run counts the same');

for my $cpus (4, 1) {
    note("$cpus CPUs");
    check_interrupts(boot("interrupts-$cpus", image => 'interrupts', cpus => $cpus));
}
done_testing();
