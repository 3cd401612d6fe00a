#!/usr/bin/env perl
# The widest guests, 64 vCPUs, on four CPUs and on one: guest/wide.c.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot report_all);
use Test::More;

for my $cpus (4, 1) {
    my $name = "wide-64-on-$cpus";
    my ($log, $status) = boot($name, cpus => $cpus, $cpus == 4
        ? (config => 'tests/wide/wide.cfg') : (image => 'wide-64-on-4'));
    is($status, 0, "$cpus CPUs: all guests pass");
    report_all($log->check_taps,
        (map { $log->check("GUEST name=$_ result=pass code=0") } qw(wide-64 wide-33 wide-64-xapic)),
        (map { $log->check("COUNTERS guest=wide-64 vcpu=$_ vector=0x91 eoi_live=2 eoi_stale=1 eoi_coincidental=0") }
            0 .. 62),
        $log->check('COUNTERS guest=wide-64 vcpu=63 vector=0x91 eoi_live=3 eoi_stale=0 eoi_coincidental=0'));
}
done_testing();
