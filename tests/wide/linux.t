#!/usr/bin/env perl
# An unmodified Linux with 16 vCPUs on four CPUs.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot report_all);
use Test::More;

my $build = $ENV{B} // 'build';
my ($log) = boot('linux-wide', config => 'tests/wide/linux.cfg', cpus => 4, memory => 512,
    files => [map { "$build/linux/$_" } qw(vmlinuz initrd disk.img)]);
report_all($log->check('GUEST name=linux result=pass code=0 how=poweroff'));
my ($smp) = grep { /^\[linux\] SMP |^SMP / } @{$log->{lines}};
like($smp, qr/SMP cpus=16 without_one=15 back=16 pinned=48 tsc_backward=0 irq_led=16 timers=16 ipis=16 clock=tsc complaints=0/,
    'all 16 CPUs work');
unlike(join("\n", @{$log->{lines}}), qr/Kernel panic/, 'it does not panic');
done_testing();
