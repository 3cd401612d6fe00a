#!/usr/bin/env perl
# The interrupt path: what each guest reports, and what the hypervisor counted. Twice, since a run
# has to repeat exactly: a counter that depends on luck would be none. And once more with all vCPUs
# on one CPU.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file);
use Test::More;

sub check_interrupts {
    my ($log) = @_;
    # This guest's report is there to be noticed, so it is none of ours.
    is(scalar(@{delete $log->{tap}{fail} // []}), 1, 'the guest that fails on purpose reported once');
    check_file($log, 'tests/emulator/interrupts.expect');
}

my ($log, $status) = boot('interrupts');
is($status, 1, 'the run notices that a guest failed');
check_interrupts($log);

my ($again) = boot('interrupts-again', image => 'interrupts');
is_deeply([$again->repeatable], [$log->repeatable], 'a second run counts the same');

my ($alone) = boot('interrupts-one-cpu', image => 'interrupts', cpus => 1);
check_interrupts($alone);
done_testing();
