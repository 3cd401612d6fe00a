#!/usr/bin/env perl
# Guests that compare the virtual machine with the manuals: emulated instructions, INS and OUTS in each
# mode, NMIs, IPIs, when interrupts are delivered; on two CPUs, on four and on one.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file report_all);
use Log;
use Software qw(only_software machines boot_software);
use Test::More;
use Tree 'read_text';

for my $cpus (only_software ? () : (2, 4, 1)) {
    my $name = "conformance-$cpus";
    my ($log, $status) = boot($name, cpus => $cpus, $cpus == 2
        ? (config => 'tests/emulator/conformance.cfg') : (image => 'conformance-2'));
    is($status, 0, "$cpus CPUs: all guests pass");
    check_file($log, 'tests/emulator/conformance.expect');
}
for my $machine (machines('sandy')) {
    my ($log, $status) = boot_software($machine, 'conformance', read_text('tests/emulator/conformance.cfg'), cpus => 2);
    is($status, 0, "delivery in software, $machine: all guests pass");
    # Those two lack MOVBE, which one report is about.
    my $skipped = $machine eq 'skylake' ? 0 : 1;
    report_all($log->check_taps, map { $log->check(/guest=mmio/ ? s/skipped=0/skipped=$skipped/r : $_) }
        Log::expectations('tests/emulator/conformance.expect'));
}
done_testing();
