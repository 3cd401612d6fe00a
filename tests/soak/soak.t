#!/usr/bin/env perl
# Random walks of the whole machine agree with a plain reference, which has none of the hypervisor's
# tokens, scans or stale bits; and they find the mistakes of tests/model/mutants/ that are in files which
# this program contains. What they do not find is listed here, with the reason.
use strict;
use warnings;
use lib 'tests/lib';
use File::Basename;
use Mutant qw(mutate write_mutant);
use Test::More;

my $build = ($ENV{B} // 'build') . '/soak';
my @cc = split ' ', $ENV{SOAK_CC} // die "call this by make test\n";
my @objects = split ' ', $ENV{SOAK_OBJECTS};

my %not_found = ();

my $log = `$build/soak moves=25000000`;
is($?, 0, 'random walks agree with the reference') or diag($log);
print STDERR $log =~ /^(SOAK .*\n)/m;
cmp_ok($log =~ /eoi_exits=(\d+)/ ? $1 : 0, '>=', 100_000, 'with many EOI exits');

sub build {
    my ($name, $file, $text) = @_;
    my $dir = "$build/mutants/$name";
    write_mutant($file, $text, $dir);
    my @others = grep { $_ ne "$build/" . ($file =~ s/\.c$/.o/r) } @objects;
    return if @others == @objects;
    return system(@cc, "-I$dir", '-I.', "$dir/$file", @others, '-o', "$dir/soak") == 0 ? "$dir/soak" : undef;
}

my $found = 0;
for my $path (sort glob 'tests/model/mutants/*.mutant') {
    my $name = basename($path, '.mutant');
    my ($wrong, $says, $file, $text) = mutate($path);
    next if $wrong || $file !~ m{^vmm/interrupts/.*\.c$} || $name =~ /^posted_/; # it has no posted interrupts
    my $program = build($name, $file, $text);
    ok($program, "$name: builds") or next;
    my $story = `$program moves=1000000`;
    my $caught = $story =~ /^VIOLATION /m;
    is($caught ? 1 : 0, exists $not_found{$name} ? 0 : 1, "$name: is found, unless it is listed") or diag("$says\n$story");
    next unless $caught;
    $found++;
    my ($words) = $story =~ /^Again: soak (replay .*)/m;
    `$program $words`;
    is($? >> 8, 1, "$name: its story shows it again");
    `$build/soak $words`;
    is($?, 0, "$name: and nothing is wrong without it");
}
print STDERR "SOAK mutants found=$found\n";
cmp_ok($found, '>=', 30, 'most mutants are found');
done_testing();
