#!/usr/bin/env perl
# An unmodified Linux with four vCPUs on a processor without virtual-interrupt delivery: Pinwheel delivers
# its interrupts in software. A guest that insists on virtual-interrupt delivery is not started.
use strict;
use warnings;
use lib 'tests/lib';
use Boot 'report_all';
use LinuxExits 'exits_per_1000';
use Software qw(machines boot_software);
use Test::More;
use Tree 'read_text';

my $build = $ENV{B} // 'build';
for my $machine (machines('sandy')) {
    # Only a processor that lacks it refuses the second guest.
    my $lacks = $machine ne 'skylake';
    my ($log) = boot_software($machine, 'linux-software', read_text('tests/linux/software.cfg'),
        cpus => 4, memory => 512,
        files => ["$build/guest/hello.elf", map { "$build/linux/$_" } qw(vmlinuz initrd disk.img)]);
    report_all(map { $log->check($_) }
        '/^pinwheel: guest linux starts: .*, delivery=software$/',
        'GUEST name=linux result=pass code=0 how=poweroff',
        'no EXITS guest=linux vcpu=0 name="virtualized EOI"',
        $lacks ? (
            '/^pinwheel: interrupts are delivered in software: this processor lacks "virtual-interrupt delivery"$/',
            '/^pinwheel: guest vid is not started: delivery = vid: this processor lacks "virtual-interrupt delivery"; use delivery = auto$/',
            'PINWHEEL done guests=2 passed=1 failed=1') : 'PINWHEEL done guests=2 passed=2 failed=0');
    my ($smp) = grep { /^\[linux\] SMP / } @{$log->{lines}};
    is($smp, '[linux] SMP cpus=4 without_one=3 back=4 pinned=12 tsc_backward=0 irq_led=4 timers=4 '
        . 'ipis=4 clock=tsc complaints=0', 'all four CPUs work');
    unlike(join("\n", @{$log->{lines}}), qr/Kernel panic/, 'it does not panic');

    # docs/delivery.md: what differs is what the local APIC and delivery cost.
    my ($interrupts, $exits) = exits_per_1000($log, 'linux');
    cmp_ok($interrupts, '>=', 1000, 'Linux has counted its interrupts');
    cmp_ok($exits->{apic}, '>=', 2000, 'each interrupt has its EOI, and more of the local APIC, as exits');
    cmp_ok($exits->{window}, '>', 0, 'some interrupts wait for a window');
    is($exits->{eoi}, 0, 'no EOI is virtualized');
}
done_testing();
