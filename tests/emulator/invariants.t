#!/usr/bin/env perl
# The invariants that a guest can observe (guest/invariants), in both modes and with both versions of the
# I/O APIC, with four vCPUs on four CPUs, on two and on one: the guest's reports, and the hypervisor's
# counters (invariants.expect).
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot report_all);
use List::Util 'sum';
use Lockstep qw(check_software software_guests);
use Log;
use Software qw(only_software machines boot_software);
use Test::More;
use Tree 'read_text';

my $build = $ENV{B} // 'build';
my %reports = ('x2apic' => 134, 'xapic' => 146, 'x2apic-20h' => 137, 'xapic-20h' => 149);
my @expectations = Log::expectations('tests/emulator/invariants.expect');
# With version 20H: three level-triggered interrupts, of which two EOIs are not broadcast. In xAPIC mode:
# LDR, DFR and APIC ID changed in service; the mode changed and changed back.
my %more = (
    '20h$' => ['COUNTERS guest=@ vcpu=1 vector=0xd8 eoi_live=3 eoi_stale=0 eoi_coincidental=0'],
    'apic$' => ['COUNTERS guest=@ vcpu=1 vector=0xd8 eoi_live=1 eoi_stale=0 eoi_coincidental=0'],
    '^xapic' => [
        (map { "COUNTERS guest=\@ vcpu=1 vector=$_ eoi_live=0 eoi_stale=1 eoi_coincidental=0" } '0x99', '0x9a'),
        'COUNTERS guest=@ vcpu=1 vector=0x9b eoi_live=1 eoi_stale=1 eoi_coincidental=0',
        'COUNTERS guest=@ vcpu=3 vector=0x9c eoi_live=2 eoi_stale=0 eoi_coincidental=0',
    ],
);

# Invariants 8 and 9: each stale EOI requests a scan, except one in all these tests, after which a second
# instance of its vector is still in flight.
sub check_rescans {
    my ($name, $log, $guest) = @_;
    my $stale = sum map { $_->{eoi_stale} }
        grep { $_->{tag} eq 'COUNTERS' && $_->{guest} eq $guest && $_->{vcpu} == 1 } @{$log->{records}};
    cmp_ok($stale, '>', 0, "$name: $stale stale EOIs at vCPU 1");
    report_all($log->check("SCANS guest=$guest vcpu=1 reason_stale=" . ($stale - 1)));
}

# Invariant 18: a thousand reroutes between vCPU 1 and vCPU 2 cost at most one scan before each entry. A
# vCPU that shares its CPU with vCPU 0, which writes them, enters only when the scheduler switches to it.
sub check_coalescing {
    my ($log, $cpus) = @_;
    for my $vcpu (1, 2) {
        my $most = $cpus == 1 || ($cpus == 2 && $vcpu == 2) ? 30 : 1002;
        report_all($log->check("SCANS guest=coalescing vcpu=$vcpu reason_rte<=$most"),
            $log->check("SCANS guest=coalescing vcpu=$vcpu reason_rte>=1"));
    }
    # vCPU 0: a thousand mask changes cost no scan, its one route costs one.
    report_all($log->check('SCANS guest=coalescing vcpu=0 reason_rte=1'),
        $log->check('SCANS guest=coalescing vcpu=3 reason_rte=0'));
}

sub check_invariants {
    my ($where, $cpus, $log, $status) = @_;
    is($status, 0, "$where: all guests pass");
    report_all($log->check_taps);
    for my $guest (sort keys %reports) {
        my $skipped = $guest =~ /^x2apic/ ? 1 : 0;
        my $passed = $reports{$guest};
        report_all($log->check("TAP guest=$guest plan=$passed passed=$passed failed=0 skipped=$skipped"));
        my @own = map { $guest =~ /$_/ ? @{$more{$_}} : () } sort keys %more;
        report_all(map { $log->check(s/\@/$guest/r) } @expectations, @own);
        check_rescans("$where, $guest", $log, $guest);
    }
    check_coalescing($log, $cpus);
}

my @files = map { "$build/guest/$_.elf" } qw(invariants reroute soak);
for my $cpus (only_software ? () : (4, 2, 1)) {
    check_invariants("$cpus CPUs", $cpus, boot("invariants-$cpus", config => 'tests/emulator/invariants.cfg',
        cpus => $cpus, files => \@files));
}
# With delivery in software each IPI causes two VM exits: not so many of them. Two more guests are replayed
# in lock-step.
for my $machine (machines('ivy')) {
    my $few = read_text('tests/emulator/invariants.cfg') =~ s/ipis=\d+/ipis=1000/gr;
    my ($log, $status, $path) = boot_software($machine, 'invariants', $few . software_guests('coalescing'),
        cpus => 4, files => \@files);
    check_invariants("delivery in software, $machine", 4, $log, $status);
    check_software($machine, $path);
}
done_testing();
