#!/usr/bin/env perl
# The interrupt path: the guests' reports and the hypervisor's counters, with four vCPUs on four CPUs, on
# two and on one. On two CPUs it runs twice, and the counters must be the same. With delivery in software
# two guests are replayed in lock-step, too.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot report_all);
use Lockstep qw(check_software software_guests);
use Log;
use Software qw(only_software machines boot_software);
use Test::More;
use Tree 'read_text';

my $build = $ENV{B} // 'build';
my @expectations = Log::expectations('tests/emulator/interrupts.expect');

sub check_interrupts {
    my ($log, $status, $software) = @_;
    is($status, 1, 'the status reports that a guest failed');
    # This guest's report must fail, so it is not among the checks.
    is(scalar(@{delete $log->{tap}{fail} // []}), 1, 'the guest that fails on purpose made one report');
    # With delivery in software two more guests run, for lock-step.
    my @expected = $software ? map { s/guests=11 passed=10/guests=13 passed=12/r } @expectations : @expectations;
    report_all($log->check_taps, map { $log->check($_) } @expected);
    # Without virtual-interrupt delivery no EOI is virtualized: the write itself exits.
    my $expected = $software ? 'no EXITS guest=%s vcpu=0 name="virtualized EOI"'
        : 'EXITS guest=%s vcpu=0 name="virtualized EOI" count=5';
    report_all(map { $log->check(sprintf $expected, $_) } 'reroute-x2apic', 'reroute-xapic');
}

sub check_delivered_by_processor {
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
}

check_delivered_by_processor() unless only_software;
for my $machine (machines('sandy')) {
    note("delivery in software, $machine");
    my ($log, $status, $path) = boot_software($machine, 'interrupts',
        read_text('tests/emulator/interrupts.cfg') . software_guests('registers'), cpus => 4);
    check_interrupts($log, $status, 1);
    check_software($machine, $path);
}
done_testing();
