#!/usr/bin/env perl
# An unmodified Linux does not complain about its ACPI tables, finds by them what it has, has all of
# its four CPUs at work, and ends by the tables: switched off, and reset. One that panics has failed,
# although it resets, too.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot report_all);
use Test::More;

my $build = $ENV{B} // 'build';
# A user's initial RAM disk is a compressed one.
system("zstd -q -f $build/linux/initrd && xz -k -f --check=crc32 $build/linux/initrd") == 0
    or BAIL_OUT('no compressed initial RAM disks');
my ($log, $status) = boot('linux-acpi', config => 'tests/linux/acpi.cfg', cpus => 4, memory => 512,
    files => [map { "$build/linux/$_" } qw(vmlinuz initrd initrd.zst initrd.xz disk.img)]);
is($status, 1, 'not all guests pass');
report_all(map { $log->check($_) }
    'GUEST name=linux-off result=pass code=0 how=poweroff',
    'GUEST name=linux-reset result=pass code=0 how=reset',
    'GUEST name=linux-panic result=fail code=1 how=panic');

# The slot of a block device that is not there is passed over.
for (['linux-off', 4, 3], ['linux-reset', 1, 2], ['linux-panic', 1, 2]) {
    my ($name, $cpus, $virtio) = @$_;
    my ($line) = grep { /^\[$name\] ACPI complaints=/ } @{$log->{lines}};
    my $drivers = join ' ', 'serial rtc_cmos system', ('virtio-mmio') x $virtio, 'pvpanic-mmio';
    is($line, "[$name] ACPI complaints=0 cpus=$cpus drivers=\"$drivers\"", "$name: what it found");
}
like(join("\n", @{$log->{lines}}), qr/^\[$_\] RTC alarms=1 left=""$/m, "$_: the clock's alarm comes")
    for 'linux-off', 'linux-reset';
like(join("\n", @{$log->{lines}}), qr/rtc_cmos .*: alarms up to one day, y3k, /, 'Linux knows the alarm and the century');
# The UART's pin is level-triggered: the MADT's override, and the DSDT.
like(join("\n", @{$log->{lines}}), qr/^\[linux-off\] .*IO-APIC +4-fasteoi +ttyS0$/m,
    'the UART interrupts by a level');
# 4 vCPUs on 4 CPUs: see guest/linux/smp.
my ($smp) = grep { /^\[linux-off\] SMP / } @{$log->{lines}};
is($smp, '[linux-off] SMP cpus=4 without_one=3 back=4 pinned=12 tsc_backward=0 irq_led=4 timers=4 '
    . 'ipis=4 clock=tsc complaints=0', 'four CPUs at work');
is_deeply([map { /^\[([\w-]+)\] .*Kernel panic/ } @{$log->{lines}}], ['linux-panic'],
    'one kernel panics, and says so');
done_testing();
