#!/usr/bin/env perl
# A guest with more vCPUs than CPUs, 16 on four: guest/wide.c.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file);
use Test::More;

my ($log, $status) = boot('wide', cpus => 4);
is($status, 0, '4 CPUs: all guests pass');
check_file($log, 'tests/emulator/wide.expect');
done_testing();
