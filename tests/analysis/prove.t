#!/usr/bin/env perl
# Frama-C's WP on the heart of the interrupt path: each function of `proofs` does what its contract
# says, for all arguments, and nothing in it is undefined. Z3 proves it. The contracts are comments in
# ACSL above the functions (docs/proof.md). Each of the mistakes in broken/ leaves a goal unproven, of the
# function that its line "unproven:" names, with twice the steps that the function's hardest goal needs
# without the mistake.
#
#     tests/analysis/prove.t [NAME]...
use strict;
use warnings;
use lib 'tests/lib';
use Cwd 'abs_path';
use File::Path 'make_path';
use FramaC qw(table_rows wanted_rows frama_c source_in each_mutant check_mutants);
use List::Util 'max';
use Test::More;
use Tree 'read_text';

my $build = ($ENV{B} // 'build') . '/analysis/prove';
make_path($build);
plan skip_all => 'there is no Frama-C with Why3 and Z3: tools/deps analysis'
    if system('command -v frama-c >/dev/null && command -v why3 >/dev/null && command -v z3 >/dev/null');
# Why3 calls this Z3, which instantiates quantifiers by patterns alone. With its other ways as well it
# needs a hundred times the steps for some goals, and does not end for others. It gives a goal up after
# a number of its steps, four times what any goal needs, so a slow machine proves as much as a fast one; the
# limit of time is far behind that.
chomp(my $z3 = `command -v z3;`);
my $script = "$build/z3";
open my $out, '>', $script or die "$script: $!\n";
print $out qq(#!/bin/sh\nexec $z3 smt.auto_config=false smt.mbqi=false "\$@"\n);
close $out;
chmod 0755, $script;
$ENV{WHY3CONFIG} = "$build/why3.conf";
system("why3 config detect >$build/detect.log 2>&1");
my $config = read_text($ENV{WHY3CONFIG}) =~ s/^path = \K"[^"]*z3"/'"' . abs_path($script) . '"'/emr;
open $out, '>', $ENV{WHY3CONFIG} or die "$ENV{WHY3CONFIG}: $!\n";
print $out $config;
close $out;

use constant {STEPS => 50_000_000, FEWEST => 200_000};

my @proofs = table_rows('proofs');

# Runs WP. For each function the goals, those that are not proven, and the most steps that one needed.
sub prove {
    my ($folder, $steps, $source, @row) = @_;
    my @functions = grep { !/^-/ } @row;
    my ($ended, @lines) = frama_c($folder, '-cpp-extra-args=-DALONE', (grep { /^-/ } @row), qw(-wp -wp-rte -wp-prover z3 -wp-timeout 600 -wp-par 1 -wp-steps), $steps,
        '-wp-fct', join(',', @functions), source_in($folder, $source));
    my %goals = map { $_ => {all => 0, open => [], steps => 0} } @functions;
    my ($proven, $all) = (0, 0);
    for (@lines) {
        ($proven, $all) = ($1, $2) if m{Proved goals: +(\d+) / (\d+)};
        my ($goal, $verdict, $took) = /^\[wp\] \[[^\]]+\] Goal typed_(\w+) : (\w+)(?:.*\((\d+)\)$)?/ or next;
        my ($function) = grep { $goal =~ /^${_}_/ } sort { length $b <=> length $a } @functions;
        die "goal $goal is of no function\n" if !$function;
        $goals{$function}{all}++;
        $goals{$function}{steps} = $took if ($took // 0) > $goals{$function}{steps};
        push @{$goals{$function}{open}}, $goal if $verdict ne 'Valid';
    }
    my $counted = 0;
    $counted += $_->{all} for values %goals;
    return ($ended && $all && $counted == $all, %goals);
}

my @table;
for (wanted_rows(\@proofs, @ARGV)) {
    my ($name, $source, @row) = @$_;
    my @functions = grep { !/^-/ } @row;
    my ($complete, %goals) = prove("$build/$name", STEPS, $source, @row);
    ok($complete, "$name: each goal has its verdict") or diag("see $build/$name/log");
    for my $function (@functions) {
        my $goals = $goals{$function};
        cmp_ok($goals->{all}, '>', 1, "$function has a contract");
        is("@{$goals->{open}}", '', "$function does what its contract says");
        push @table, sprintf '%-22s %3d of %3d', $function, $goals->{all} - @{$goals->{open}}, $goals->{all};
    }
    each_mutant('broken', $name, $build, sub {
        my ($folder, undef, $says) = @_;
        my ($function) = $says =~ /^unproven: (\w+)$/m;
        return undef if !$function || !$goals{$function};
        my $steps = max(FEWEST, 2 * $goals{$function}{steps});
        my ($done, %seen) = prove($folder, $steps, $source, $function, grep { /^-/ } @row);
        return $done ? $seen{$function}{open}[0] : undef;
    });
}
check_mutants('broken', @proofs);
diag(join "\n", 'Goals that are proven:', @table);
done_testing();
