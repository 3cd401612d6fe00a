#!/usr/bin/env perl
# An unmodified Linux does not complain about its ACPI tables, finds its devices by them, uses all of its
# four CPUs, and switches off and resets by the tables. A Linux that panics has failed, although it resets
# too.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot report_all);
use LinuxExits 'exits_per_1000';
use Test::More;

my $build = $ENV{B} // 'build';
# The initial RAM disk of a distribution is compressed.
system("zstd -q -f $build/linux/initrd && xz -k -f --check=crc32 $build/linux/initrd") == 0
    or BAIL_OUT('no compressed initial RAM disks');
my ($log, $status) = boot('linux-acpi', config => 'tests/linux/acpi.cfg', cpus => 4, memory => 512,
    files => [map { "$build/linux/$_" } qw(vmlinuz initrd initrd.zst initrd.xz disk.img)]);
is($status, 1, 'not all guests pass');
report_all(map { $log->check($_) }
    'GUEST name=linux-off result=pass code=0 how=poweroff',
    'GUEST name=linux-reset result=pass code=0 how=reset',
    'GUEST name=linux-panic result=fail code=1 how=panic');

# Without a disk, the slot of the block device has no driver.
for (['linux-off', 4, 3], ['linux-reset', 1, 2], ['linux-panic', 1, 2]) {
    my ($name, $cpus, $virtio) = @$_;
    my ($line) = grep { /^\[$name\] ACPI complaints=/ } @{$log->{lines}};
    my $drivers = join ' ', 'serial rtc_cmos system', ('virtio-mmio') x $virtio, 'pvpanic-mmio';
    is($line, "[$name] ACPI complaints=0 cpus=$cpus drivers=\"$drivers\"", "$name: CPUs and drivers");
}
like(join("\n", @{$log->{lines}}), qr/^\[$_\] RTC alarms=1 left=""$/m, "$_: the alarm of the real-time clock arrives")
    for 'linux-off', 'linux-reset';
like(join("\n", @{$log->{lines}}), qr/rtc_cmos .*: alarms up to one day, y3k, /, 'Linux uses the alarm and the century register');
# The UART's pin is level-triggered, as the MADT's override and the DSDT say.
like(join("\n", @{$log->{lines}}), qr/^\[linux-off\] .*IO-APIC +4-fasteoi +ttyS0$/m,
    'the UART\'s interrupt is level-triggered');
# 4 vCPUs on 4 CPUs: see guest/linux/smp.
my ($smp) = grep { /^\[linux-off\] SMP / } @{$log->{lines}};
is($smp, '[linux-off] SMP cpus=4 without_one=3 back=4 pinned=12 tsc_backward=0 irq_led=4 timers=4 '
    . 'ipis=4 clock=tsc complaints=0', 'all four CPUs work');
is_deeply([map { /^\[([\w-]+)\] .*Kernel panic/ } @{$log->{lines}}], ['linux-panic'],
    'exactly one kernel panics');
# docs/delivery.md: the processor delivers, so an EOI exits only for a level interrupt.
my ($interrupts, $exits) = exits_per_1000($log, 'linux-off');
cmp_ok($interrupts, '>=', 1000, 'Linux has counted its interrupts');
cmp_ok($exits->{apic}, '<', 2000, 'most EOIs are no exits');
cmp_ok($exits->{eoi}, '>', 0, 'those of the UART are');
is($exits->{window}, 0, 'no interrupt waits for a window');
done_testing();
