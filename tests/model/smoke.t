#!/usr/bin/env perl
# A quick look at each bound's first states, under ASan and UBSan; after every move the production
# structures are compared whole, so that nothing changes which a state does not hold.
use strict;
use warnings;
use Test::More;

my $program = ($ENV{B} // 'build') . '/model/model-debug';
my $log = `$program debug room=4000`;

is($?, 0, 'no violation, and a state is exact') or diag($log);
my @bounds = $log =~ /^BOUND name=(\S+) states=4000 /mg;
cmp_ok(scalar @bounds, '>=', 5, 'in every bound');
done_testing();
