#!/usr/bin/env perl
# Guests that misbehave: what becomes of them, and that nothing becomes of anyone else.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file);
use Test::More;

my ($log) = boot('hostile', cpus => 4);
check_file($log, 'tests/emulator/hostile.expect');
done_testing();
