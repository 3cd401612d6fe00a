#!/usr/bin/env perl
# A guest's share of a CPU, beside neighbours that try to have more: guest/shares.c. Each is to get
# what is fair, to a tenth.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file);
use Test::More;

my ($log) = boot('shares', cpus => 1);
check_file($log, 'tests/emulator/shares.expect');
diag($_) for grep { /the share of the CPU/ } @{$log->{lines}};
done_testing();
