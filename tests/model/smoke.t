#!/usr/bin/env perl
# The first states of each bound, under ASan and UBSan. After every move the production structures are
# also compared as a whole, so that nothing can change that is not part of a state.
use strict;
use warnings;
use Test::More;

my $program = ($ENV{B} // 'build') . '/model/model-debug';
my $log = `$program debug room=4000`;

is($?, 0, 'no violation, and states are complete') or diag($log);
my @bounds = $log =~ /^BOUND name=(\S+) states=4000 /mg;
cmp_ok(scalar @bounds, '>=', 5, 'in every bound');
$log = `$program software debug room=4000`;
is($?, 0, 'nor with delivery in software') or diag($log);
is(scalar(() = $log =~ /^BOUND name=\S+ states=4000 /mg), scalar @bounds, 'in every bound');
done_testing();
