#!/usr/bin/env perl
# Guests that compare what they see with the manual: instructions that the hypervisor carries out,
# port strings in each mode, NMIs, IPIs, when interrupts are taken.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file);
use Test::More;

my ($log, $status) = boot('conformance');
is($status, 0, 'all guests pass');
check_file($log, 'tests/emulator/conformance.expect');
done_testing();
