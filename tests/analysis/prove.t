#!/usr/bin/env perl
# Frama-C's WP on the heart of the interrupt path: each function of `proofs` does what its contract
# says, for all arguments, and nothing in it is undefined. Z3 proves it. The contracts are comments in
# ACSL above the functions (docs/proof.md). Each of the mistakes in broken/ leaves a goal unproven.
#
#     tests/analysis/prove.t [NAME]...
use strict;
use warnings;
use lib 'tests/lib';
use File::Path 'make_path';
use Mutant qw(mutate write_mutant);
use Test::More;
use Tree 'read_text';

my $here = 'tests/analysis';
my $build = ($ENV{B} // 'build') . '/analysis/prove';
make_path($build);
plan skip_all => 'there is no Frama-C with Why3 and Z3: tools/deps analysis'
    if system('command -v frama-c >/dev/null && command -v why3 >/dev/null && command -v z3 >/dev/null');
# The provers that Why3 finds. Z3 gives a goal up after a number of its steps, three times what any goal
# needs, so a slow machine proves as much as a fast one; the limit of time is far behind that.
$ENV{WHY3CONFIG} = "$build/why3.conf";
system("why3 config detect >$build/detect.log 2>&1");

my @proofs = map { [split] } grep { !/^(?:#|\s*$)/ } split /\n/, read_text("$here/proofs");
my %known = map { $_->[0] => 1 } @proofs;
my %wanted = map { $_ => 1 } @ARGV ? @ARGV : keys %known;
ok($known{$_}, "there is $_ in proofs") for sort keys %wanted;

# Runs WP. For each function the goals, and those that are not proven.
sub prove {
    my ($folder, $source, @functions) = @_;
    my $file = -e "$folder/$source" ? "$folder/$source" : $source;
    my @command = ('frama-c', qw(-machdep gcc_x86_64 -c11 -kernel-verbose 0),
        "-cpp-extra-args=-iquote $folder -I. -include $here/compiler.h", qw(-wp -wp-rte -wp-prover z3 -wp-steps 100000000 -wp-timeout 600 -wp-par 1),
        '-wp-fct', join(',', @functions), $file);
    make_path($folder);
    open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or die "frama-c: $!\n";
    my @lines = <$pipe>;
    my $ended = close $pipe;
    open my $log, '>', "$folder/log" or die "$folder/log: $!\n";
    print $log "@command\n", @lines;
    close $log;
    my %goals = map { $_ => {all => 0, open => []} } @functions;
    my ($proven, $all) = (0, 0);
    for (@lines) {
        ($proven, $all) = ($1, $2) if m{Proved goals: +(\d+) / (\d+)};
        my ($goal, $verdict) = /^\[wp\] \[[^\]]+\] Goal typed_(\w+) : (\w+)/ or next;
        my ($function) = grep { $goal =~ /^${_}_/ } sort { length $b <=> length $a } @functions;
        die "goal $goal is of no function\n" if !$function;
        $goals{$function}{all}++;
        push @{$goals{$function}{open}}, $goal if $verdict ne 'Valid';
    }
    my $counted = 0;
    $counted += $_->{all} for values %goals;
    return ($ended && $all && $counted == $all, %goals);
}

my @table;
for (grep { $wanted{$_->[0]} } @proofs) {
    my ($name, $source, @functions) = @$_;
    my ($complete, %goals) = prove("$build/$name", $source, @functions);
    ok($complete, "$name: each goal has its verdict") or diag("see $build/$name/log");
    for my $function (@functions) {
        my $goals = $goals{$function};
        cmp_ok($goals->{all}, '>', 2, "$function has a contract");
        is("@{$goals->{open}}", '', "$function does what its contract says");
        push @table, sprintf '%-22s %3d of %3d', $function, $goals->{all} - @{$goals->{open}}, $goals->{all};
    }
    my @mutants = glob "$here/broken/$name-*.mutant";
    ok(scalar @mutants, "$name: has a mistake");
    for my $path (@mutants) {
        my ($mutant) = $path =~ m{([^/]+)\.mutant$};
        my ($wrong, $says, $file, $text) = mutate($path);
        is($wrong, undef, "$mutant: can be made") or next;
        write_mutant($file, $text, "$build/broken/$mutant");
        my ($done, %seen) = prove("$build/broken/$mutant", $source, @functions);
        my @open = map { @{$_->{open}} } values %seen;
        ok($done && @open, "$mutant: a goal is not proven") or diag($says);
        note("$mutant: $open[0]") if @open;
    }
}
for my $path (glob "$here/broken/*.mutant") {
    ok($known{($path =~ m{([^/]+)-[^/]*$})[0] // ''}, "$path: there is such a proof");
}
diag(join "\n", 'Goals that are proven:', @table);
done_testing();
