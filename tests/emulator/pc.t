#!/usr/bin/env perl
# The PC that a guest finds: its ACPI tables, and what becomes of it when it switches off or resets.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file);
use Test::More;

my ($log, $status) = boot('pc');
is($status, 1, 'the run notices that a guest did not pass');
check_file($log, 'tests/emulator/pc.expect');
done_testing();
