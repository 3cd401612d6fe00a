#!/usr/bin/env perl
# Guests that misbehave: how each of them ends, and that the others are not affected.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file);
use Software qw(only_software machines boot_software);
use Test::More;
use Tree 'read_text';

sub check_hostile {
    my ($log) = @_;
    check_file($log, 'tests/emulator/hostile.expect');
    my %reports;
    $reports{$_}++ for map { /guest unknown_msr: \w+ of (0x\w+): no such MSR/ ? $1 : () } @{$log->{lines}};
    is_deeply([map { $reports{$_} // 0 } qw(0x0 0x1234 0xffffffff)], [1, 1, 1], 'each unknown MSR is reported once');
}

check_hostile(boot('hostile', cpus => 4)) unless only_software;
for my $machine (machines('sandy')) {
    note("delivery in software, $machine");
    check_hostile(boot_software($machine, 'hostile', read_text('tests/emulator/hostile.cfg'), cpus => 4));
}
done_testing();
