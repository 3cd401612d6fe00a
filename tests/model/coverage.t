#!/usr/bin/env perl
# Which lines and branches of vmm/interrupts/ no bound reaches: exactly those that docs/model.md lists,
# each with a reason. "`function` 3+2": three lines are never executed, and in those that are, two
# branches are never taken.
use strict;
use warnings;
use JSON::PP;
use Test::More;

my $build = ($ENV{B} // 'build') . '/model';
my $program = "$build/model-coverage";

sub slurp {
    my ($path) = @_;
    local (@ARGV, $/) = $path;
    return scalar <>;
}

my @old = glob "$build/coverage/*/*/*.gcda";
unlink @old;
for my $words ('room=60000', 'software room=60000', 'endless room=20000', 'software endless room=20000',
    'endless deep room=20000', 'room=400000 storm', 'endless room=300000 x2apic-edges') {
    my $log = `$program $words`;
    is($?, 0, "no violation: $words") or diag($log);
}

# By function and line: how often it ran, and its branches.
my %ran;
for my $data (glob "$build/coverage/*/*/*.gcda") {
    for my $text (grep { /^\{/ } split /\n/, `gcov --json-format --stdout --branch-probabilities $data 2>/dev/null`) {
        for my $file (@{decode_json($text)->{files}}) {
            next unless $file->{file} =~ m{(?:^|/)vmm/interrupts/\w+\.[ch]$} && $file->{file} !~ /timer/;
            my $module = $file->{file} =~ m{(\w+)\.[ch]$} ? "$1:" : '';
            for my $line (@{$file->{lines}}) {
                my $it = $ran{$module . ($line->{function_name} // '')}{$line->{line_number}} //= {count => 0, branch => []};
                $it->{count} += $line->{count};
                $it->{branch}[$_] += $line->{branches}[$_]{count} for 0 .. $#{$line->{branches}};
            }
        }
    }
}

my (@missed, $lines, $executed);
for my $function (sort keys %ran) {
    my @of = values %{$ran{$function}};
    my $never = grep { !$_->{count} } @of;
    my $branches = grep { !$_ } map { @{$_->{branch}} } grep { $_->{count} } @of;
    $lines += @of;
    $executed += @of - $never;
    push @missed, "$function $never+$branches" if $never || $branches;
}
cmp_ok(scalar keys %ran, '>=', 100, 'enough functions were compiled');
printf STDERR "COVERAGE lines=%d executed=%d functions=%d\n", $lines, $executed, scalar keys %ran;

my ($section) = slurp('docs/model.md') =~ /^### What no bound reaches\n(.*?)^##/ms;
my @listed = map { "$_->[0] $_->[1]" } sort { $a->[0] cmp $b->[0] } map { [/([\w:]+)` (\d+\+\d+)/] } ($section // '') =~ /(`[\w:]+` \d+\+\d+)/g;
is_deeply(\@listed, \@missed, 'docs/model.md lists what no bound reaches') or diag(join "\n", @missed);
done_testing();
