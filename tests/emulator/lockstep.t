#!/usr/bin/env perl
# Lock-step: the hypervisor in the emulator, its modules on the host and the model of the processor agree
# on every interrupt of a run (tests/lockstep/replay.c), on four CPUs, on two and on one; with interrupts
# that the processor delivers, and with delivery in software. The comparison can fail: it reports a
# difference for each record that is changed or left out here.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot);
use Lockstep qw(compare check_detection check_software);
use Test::More;

my $build = $ENV{B} // 'build';
my @of_levels = qw(records accepted delivered eoi_exits bitmaps statuses);
my %compared = (soak => \@of_levels, x2apic => \@of_levels, xapic => \@of_levels,
    timer => [qw(records accepted delivered silent_eois statuses)]);

for my $cpus (4, 2, 1) {
    my (undef, $status) = boot("lockstep-$cpus", cpus => $cpus, $cpus == 4
        ? (config => 'tests/emulator/lockstep.cfg') : (image => 'lockstep-4'));
    is($status, 0, "$cpus CPUs: the guests pass");
    my $path = "$build/emulator/lockstep-$cpus/serial.log";
    compare("$cpus CPUs", $path, $_, @{$compared{$_}}) for sort keys %compared;
    check_detection($path, 'xapic');
    check_software("$cpus CPUs", $path);
}
done_testing();
