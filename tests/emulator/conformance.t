#!/usr/bin/env perl
# Guests that compare the virtual machine with the manuals: emulated instructions, INS and OUTS in each
# mode, NMIs, IPIs, when interrupts are delivered; on two CPUs, on four and on one.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file report_all);
use Log;
use Test::More;

for my $cpus (2, 4, 1) {
    my $name = "conformance-$cpus";
    my ($log, $status) = boot($name, cpus => $cpus, $cpus == 2
        ? (config => 'tests/emulator/conformance.cfg') : (image => 'conformance-2'));
    is($status, 0, "$cpus CPUs: all guests pass");
    check_file($log, 'tests/emulator/conformance.expect');
}
# Without virtual-interrupt delivery, on a processor that lacks it.
my ($log, $status) = boot('conformance-software', image => 'conformance-2', cpus => 2,
    model => 'corei7_sandy_bridge_2600k');
is($status, 0, 'delivery in software: all guests pass');
# It lacks MOVBE too, which one report is about.
report_all($log->check_taps,
    map { $log->check(/guest=mmio/ ? s/skipped=0/skipped=1/r : $_) } Log::expectations('tests/emulator/conformance.expect'));
done_testing();
