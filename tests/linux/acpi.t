#!/usr/bin/env perl
# An unmodified Linux does not complain about its ACPI tables, finds by them what it has, and ends by
# them: switched off, and reset.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot report_all);
use Test::More;

my $build = $ENV{B} // 'build';
my ($log, $status) = boot('linux-acpi', config => 'tests/linux/acpi.cfg', memory => 512,
    files => [map { "$build/linux/$_" } qw(vmlinuz initrd disk.img)]);
is($status, 0, 'both guests pass');
report_all(map { $log->check($_) }
    'GUEST name=linux-off result=pass code=0 how=poweroff',
    'GUEST name=linux-reset result=pass code=0 how=reset');

# The slot of a block device that is not there is passed over.
for (['linux-off', 2, 3], ['linux-reset', 1, 2]) {
    my ($name, $cpus, $virtio) = @$_;
    my ($line) = grep { /^\[$name\] ACPI complaints=/ } @{$log->{lines}};
    my $drivers = join ' ', 'serial rtc_cmos system', ('virtio-mmio') x $virtio;
    is($line, "[$name] ACPI complaints=0 cpus=$cpus drivers=\"$drivers\"", "$name: what it found");
}
# The UART's pin is level-triggered: the MADT's override, and the DSDT.
like(join("\n", @{$log->{lines}}), qr/^\[linux-off\] .*IO-APIC +4-fasteoi +ttyS0$/m,
    'the UART interrupts by a level');
done_testing();
