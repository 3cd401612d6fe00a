#!/usr/bin/env perl
# Two Linux guests at the same time, on two CPUs and on one, with guests beside them that misbehave. Each
# guest ends as expected, and the Linux guests are not affected. One of them uses four vCPUs
# (guest/linux/smp).
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot report_all);
use Test::More;

my $build = $ENV{B} // 'build';
my @files = ((map { "$build/linux/$_" } qw(vmlinuz initrd disk.img)), "$build/guest/hostile.elf");

for my $cpus (2, 1) {
    my ($log) = boot("linux-beside-$cpus", config => 'tests/linux/beside.cfg', cpus => $cpus,
        memory => 768, files => \@files);
    report_all(map { $log->check($_) }
        'GUEST name=linux-a result=pass code=0 how=poweroff',
        'GUEST name=linux-b result=pass code=0 how=poweroff',
        'GUEST name=exit_storm result=pass code=0',
        'GUEST name=triple_fault result=killed', 'GUEST name=wild_jump result=killed',
        'GUEST name=storm result=pass code=0', 'PINWHEEL done guests=6 passed=4 failed=2');
    for my $name (qw(linux-a linux-b)) {
        my ($line) = grep { /^\[$name\] VERIFY / } @{$log->{lines}};
        is($line, "[$name] VERIFY bad=0 complaints=0", "$name on $cpus CPUs: no data is lost, no complaint");
        my ($first) = grep { $log->{lines}[$_] =~ /^\[$name\] LINUX init/ } 0 .. $#{$log->{lines}};
        my ($last) = grep { $log->{lines}[$_] =~ /^\[$name\] VERIFY/ } 0 .. $#{$log->{lines}};
        cmp_ok($first // 1, '<', $last // 0, "$name: the log has its first program and its end");
    }
    my ($smp) = grep { /^\[linux-a\] SMP / } @{$log->{lines}};
    is($smp, '[linux-a] SMP cpus=4 without_one=3 back=4 pinned=12 tsc_backward=0 irq_led=4 timers=4 '
        . 'ipis=4 clock=tsc complaints=0', "all four vCPUs work on $cpus CPUs");
    unlike(join("\n", @{$log->{lines}}), qr/Kernel panic/, 'no kernel panics');
}
done_testing();
