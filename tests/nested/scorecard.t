#!/usr/bin/env perl
# The scorecard (docs/scorecard.md) on KVM: of Debian's kernel in Bochs, with Debian's QEMU. The card must be
# complete, and each rule pass as many tests as the table in the page says. `make scorecard-kvm` shows it.
use strict;
use warnings;
use lib 'tests/lib', 'tests/nested';
use Boot 'report_all';
use Stage qw(needs_bochs_3 run_jobs);
use Test::More;
use Tree 'read_text';

my $build = $ENV{B} // 'build';
my $page = 'docs/scorecard.md';
needs_bochs_3();
my %result = run_jobs('nested-scorecard', 'corei7_skylake_x',
    {name => 'scorecard', cpus => 4, memory => 64, kernel => 'scorecard.elf brief ipis=1000 patience=3000000'});

my $log = "$build/emulator/nested-scorecard/scorecard.log";
my ($card) = read_text($log) =~ /^(PINWHEEL SCORECARD .*^checksum \w+$)/ms;
like(`tools/check-scorecard $log`, qr/^complete: /, 'a complete card');
$card //= '';
diag($card);
like($card, qr/^PINWHEEL SCORECARD \S+  hypervisor: KVMKVMKVM$/m, 'it is of KVM');

# The page's column of KVM: | rule and name | ... | **8/14** | ...
my ($column, %expected);
for (grep { /^\|/ } split /\n/, read_text($page)) {
    my @cells = map { s/^ +| +$//gr } split /\|/;
    ($column) = grep { $cells[$_] =~ /^KVM of Linux/ } 1 .. $#cells unless $column;
    next unless $column && $cells[1] =~ /^(\d+) /;
    my $rule = $1;
    $expected{$rule} = $1 if $cells[$column] =~ m{(\d+/\d+)};
}
cmp_ok(scalar keys %expected, '>=', 24, "$page has KVM's results");
for my $rule (sort { $a <=> $b } keys %expected) {
    my ($score) = $card =~ m{(?:^| ) ?$rule [a-zA-Z][^/\n]*? +(\d+/\d+) }m;
    is($score, $expected{$rule}, "rule $rule passes as many as $page says");
}
done_testing();
