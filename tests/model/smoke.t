#!/usr/bin/env perl
# The first states of each bound, under ASan and UBSan. After every move the production structures are
# also compared as a whole, so that nothing can change that is not part of a state; with reductions, the
# move is also made with the vCPUs, or the pins, exchanged, and must have the same result.
use strict;
use warnings;
use Test::More;

my $program = ($ENV{B} // 'build') . '/model/model-debug';
my %bounds;

for my $words ('', 'software', 'posted', 'reduced', 'endless', 'endless deep', 'software endless', 'posted endless',
    'rounds endless', 'interrupted endless') {
    my $log = `$program $words debug room=4000`;
    is($?, 0, "no violation, and states are complete: $words") or diag($log);
    $bounds{$words} = () = $log =~ /^BOUND name=\S+ states=4000 /mg;
}
cmp_ok($bounds{''}, '>=', 5, 'in every bound');
is($bounds{$_}, $bounds{''}, "in every bound: $_") for 'software', 'reduced';
cmp_ok($bounds{$_}, '>=', 5, "in every bound: $_") for 'endless', 'endless deep', 'software endless', 'rounds endless', 'interrupted endless';
is($bounds{posted}, 3, 'in every bound with edges: posted');
is($bounds{'posted endless'}, 5, 'and in those without a budget');
done_testing();
