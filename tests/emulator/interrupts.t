#!/usr/bin/env perl
# The interrupt path: the guests' reports and the hypervisor's counters, with four vCPUs on four CPUs, on
# two and on one. On two CPUs it runs twice, and the counters must be the same.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file report_all);
use Test::More;

sub check_interrupts {
    my ($log, $status, $software) = @_;
    is($status, 1, 'the status reports that a guest failed');
    # This guest's report must fail, so it is not among the checks.
    is(scalar(@{delete $log->{tap}{fail} // []}), 1, 'the guest that fails on purpose made one report');
    check_file($log, 'tests/emulator/interrupts.expect');
    # Without virtual-interrupt delivery no EOI is virtualized: the write itself exits.
    my $expected = $software ? 'no EXITS guest=%s vcpu=0 name="virtualized EOI"'
        : 'EXITS guest=%s vcpu=0 name="virtualized EOI" count=5';
    report_all(map { $log->check(sprintf $expected, $_) } 'reroute-x2apic', 'reroute-xapic');
}

my ($log, $status) = boot('interrupts', cpus => 2);
check_interrupts($log, $status);

my ($again) = boot('interrupts-again', image => 'interrupts', cpus => 2);
is_deeply([$again->repeatable], [$log->repeatable], 'a second run has the same counters');

my %taken; # MiB, for the hypervisor and the guests' files
for my $cpus (4, 1) {
    note("$cpus CPUs");
    my @result = boot("interrupts-$cpus", image => 'interrupts', cpus => $cpus);
    check_interrupts(@result);
    my ($usable) = map { /^Memory +(\d+) MiB usable/ } @{$result[0]{lines}};
    my ($free) = map { /^pinwheel: $cpus of $cpus CPUs .*, (\d+) MiB free$/ } @{$result[0]{lines}};
    $taken{$cpus} = $usable - $free;
}
cmp_ok($taken{1}, '<=', 5, 'start-up takes at most 5 MiB with one CPU');
# 256 KiB each; the numbers are rounded.
cmp_ok($taken{4} - $taken{1}, '<=', 1, 'and three more CPUs at most 768 KiB');

note('a processor without virtual-interrupt delivery');
check_interrupts(boot('interrupts-software', image => 'interrupts', cpus => 4,
    model => 'corei7_sandy_bridge_2600k'), 1);
done_testing();
