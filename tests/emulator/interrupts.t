#!/usr/bin/env perl
# The interrupt path: what each guest reports, and what the hypervisor counted. Twice, since a run
# has to repeat exactly: a counter that depends on luck would be none.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file);
use Test::More;

my ($log, $status) = boot('interrupts');
is($status, 1, 'the run notices that a guest failed');
# This guest's report is there to be noticed, so it is none of ours.
is(scalar(@{delete $log->{tap}{fail} // []}), 1, 'the guest that fails on purpose reported once');
check_file($log, 'tests/emulator/interrupts.expect');

my ($again) = boot('interrupts-again', image => 'interrupts');
is_deeply([$again->repeatable], [$log->repeatable], 'a second run counts the same');
done_testing();
