#!/usr/bin/env perl
# Guests that misbehave: how each of them ends, and that the others are not affected.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file);
use Test::More;

my ($log) = boot('hostile', cpus => 4);
check_file($log, 'tests/emulator/hostile.expect');
my %reports;
$reports{$_}++ for map { /guest unknown_msr: \w+ of (0x\w+): no such MSR/ ? $1 : () } @{$log->{lines}};
is_deeply([map { $reports{$_} // 0 } qw(0x0 0x1234 0xffffffff)], [1, 1, 1], 'each unknown MSR is reported once');

# Without virtual-interrupt delivery, on a processor that lacks it.
($log) = boot('hostile-software', image => 'hostile', cpus => 4, model => 'corei7_sandy_bridge_2600k');
check_file($log, 'tests/emulator/hostile.expect');
done_testing();
