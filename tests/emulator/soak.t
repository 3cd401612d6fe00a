#!/usr/bin/env perl
# The soak (guest/soak): 100,000 reroutes in each mode, with four vCPUs on four CPUs, on two and on one.
# The guest reports what it can observe. The hypervisor's counters are compared here with the guest's
# own counts. A soak without the rescan must fail, because EOI-exit bits are left behind.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot report_all);
use List::Util 'sum';
use Software qw(only_software machines boot_software);
use Test::More;
use Tree 'read_text';

my $REROUTES = 100_000;
my $build = $ENV{B} // 'build';

sub records {
    my ($log, $tag, $guest, $key) = @_;
    return grep { $_->{tag} eq $tag && ($_->{guest} // '') eq $guest && defined $_->{$key} }
        @{$log->{records}};
}

# The soak must have done enough of each kind of operation.
sub check_worked_hard {
    my ($name, $soak) = @_;
    cmp_ok($soak->{reroutes}, '>=', $REROUTES, "$name: reroutes");
    my %least = (in_flight => 10_000, assertions => 10_000, handled => 8_000, coalesced => 2_000,
                 masks => 10_000, vectors => 500, noise => 10_000, ambiguous => 5_000);
    cmp_ok($soak->{$_}, '>=', $least{$_}, "$name: $_") for sort keys %least;
    is($soak->{handled} + $soak->{coalesced}, $soak->{assertions}, "$name: each assertion is handled or coalesced");
    is($soak->{$_}, 0, "$name: $_") for qw(lost extra);
}

sub check_counters {
    my ($name, $log, $guest, $soak) = @_;
    my @counters = records($log, 'COUNTERS', $guest, 'vector');
    my %noise = map { ("$_->{vcpu} $_->{vector}" => $_->{noise}) } records($log, 'SOAK', $guest, 'vcpu');
    is(scalar @counters, 32, "$name: EOIs of 8 vectors have exited on 4 vCPUs");
    is_deeply([grep { $_->{eoi_live} + $_->{eoi_stale} != $_->{delivered_level} } @counters], [],
        "$name: each level delivery is retired by one EOI exit, at the vCPU to which it was sent");
    is_deeply([grep { $_->{eoi_coincidental} > $noise{"$_->{vcpu} $_->{vector}"} } @counters], [],
        "$name, invariant 9: no more coincidental exits than IPIs");
    # At the end, all four inputs are rerouted while they are pending at each of three vCPUs.
    my $stale = sum map { $_->{eoi_stale} } @counters;
    cmp_ok($stale, '<=', $soak->{in_flight} + 12,
        "$name, invariant 9: $stale stale exits, no more than reroutes in flight");
    cmp_ok($stale, '>=', 500, "$name: at least 500 stale exits");
    for (records($log, 'SCANS', $guest, 'scans')) {
        cmp_ok($_->{scans}, '<=', $_->{reason_rte} + $_->{reason_lapic} + $_->{reason_stale},
            "$name, vCPU $_->{vcpu}, invariant 18: no scan without a reason");
        my $vcpu = $_->{vcpu};
        my $here = sum map { $_->{vcpu} == $vcpu ? $_->{eoi_stale} : 0 } @counters;
        cmp_ok($here, '<=', $_->{stale_marked},
            "$name, vCPU $vcpu, invariant 9: no more stale exits than bits marked stale");
        cmp_ok($_->{reason_stale}, '<=', $here, "$name, vCPU $vcpu: no more rescans than stale exits");
        cmp_ok($_->{reason_stale}, '>', 0, "$name, vCPU $vcpu: some rescans");
    }
}

sub check_soak {
    my ($where, $log) = @_;
    # The soak without the rescan must fail, so its reports are not among the checks.
    my @failed = map { $_->{text} } grep { !$_->{ok} } @{delete $log->{tap}{'soak-norescan'} // []};
    is(scalar(grep { /^vCPU [123]: \d+ IPIs .* 0 EOI exits/ } @failed), 3,
        "$where, no rescan: EOI-exit bits are left behind at three vCPUs");
    is(scalar @failed, 3, "$where, no rescan: nothing else fails");
    report_all($log->check_taps, $log->check('PINWHEEL done guests=3 passed=2 failed=1'),
        map { $log->check("TAP guest=soak-$_ passed=20 failed=0 skipped=0") } qw(x2apic xapic));
    for my $guest (qw(soak-x2apic soak-xapic)) {
        my ($soak) = records($log, 'SOAK', $guest, 'reroutes');
        ok($soak, "$where, $guest: prints its counts") or next;
        note($soak->{line});
        check_worked_hard("$where, $guest", $soak);
        check_counters("$where, $guest", $log, $guest, $soak);
    }
}

my @files = "$build/guest/soak.elf";
for my $cpus (only_software ? () : (4, 2, 1)) {
    my ($log) = boot("soak-$cpus", cpus => $cpus, config => 'tests/emulator/soak.cfg', files => \@files);
    check_soak("$cpus CPUs", $log);
}
for my $machine (machines('skylake')) {
    my $few = read_text('tests/emulator/soak.cfg') =~ s/^(cmdline *= \w+(?: seed=2)?)$/$1 ipis=1000/gmr;
    my ($log) = boot_software($machine, 'soak', $few, cpus => 4, files => \@files);
    check_soak("delivery in software, $machine", $log);
}
done_testing();
