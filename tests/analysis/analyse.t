#!/usr/bin/env perl
# Frama-C's Eva on the modules that take the bytes of a guest, an image or the firmware: no undefined
# behaviour for any input, and no statement that no input reaches (docs/proof.md). `modules` lists
# them. Each module has seeded mistakes, and Eva must complain of each.
#
#     tests/analysis/analyse.t [MODULE]...
use strict;
use warnings;
use lib 'tests/lib';
use File::Path 'make_path';
use Mutant qw(mutate write_mutant);
use Test::More;
use Tree 'read_text';

my $here = 'tests/analysis';
my $build = ($ENV{B} // 'build') . '/analysis';
make_path($build);
plan skip_all => 'there is no Frama-C: apt-get install frama-c-base ocaml-findlib'
    if system('command -v frama-c >/dev/null && command -v ocamlfind >/dev/null');

my @modules = map { [split] } grep { !/^(?:#|\s*$)/ } split /\n/, read_text("$here/modules");
my %known = map { $_->[0] => 1 } @modules;
my @wanted = @ARGV ? @ARGV : map { $_->[0] } @modules;
my %wanted = map { $_ => 1 } @wanted;
my @reasons = map { [split / \| /] } grep { !/^(?:#|\s*$)/ } split /\n/, read_text("$here/reasons");
ok($known{$_}, "there is a module $_") for @wanted;

# The headers of the modules are theirs too. The sources of a mutant are in a folder before the others.
sub command {
    my ($name, $folder, @sources) = @_;
    my @options = grep { !/\.c$/ } @sources;
    my @files = map { -e "$folder/$_" ? "$folder/$_" : $_ } grep { /\.c$/ } @sources;
    return ('frama-c', '-load-script', "$here/findings.ml", qw(-machdep gcc_x86_64 -c11),
        "-cpp-extra-args=-iquote $folder -I. -include $here/compiler.h", qw(-kernel-verbose 0 -eva-verbose 0),
        qw(-eva -eva-precision 2 -eva-ilevel 64 -eva-split-return auto -warn-invalid-pointer),
        @options, "$here/$name.c", @files);
}

# CPU time of the programs that have run.
sub children_seconds {
    my (undef, undef, $user, $system) = times;
    return $user + $system;
}

# Runs Eva. What it found: the statements of the module, those reached, the alarms, the statements
# that are not reached.
sub analyse {
    my ($name, $folder, @sources) = @_;
    my @command = command($name, $folder, @sources);
    my $before = children_seconds();
    open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or die "frama-c: $!\n";
    my @lines = <$pipe>;
    my $ended = close $pipe;
    open my $log, '>', "$folder/log" or die "$folder/log: $!\n";
    print $log "@command\n", @lines;
    close $log;
    my %own = map { $_ => 1 } grep { /\.c$/ } @sources;
    my %found = (seconds => children_seconds() - $before,
        all => 0, reached => 0, alarms => [], dead => []);
    my $text = join '', @lines;
    $text =~ s/^\[eva:alarm\].*\n//mg;
    for (split /\n/, $text) {
        s/\Q$folder\E\///g;
        if (/^FUNCTION (\S+) \S+ (\d+) (\d+)$/ && $own{$1}) {
            $found{reached} += $2;
            $found{all} += $3;
        } elsif (/^UNREACHED ((\S+?):\d+ .*)/ && $own{$2}) {
            push @{$found{dead}}, $1;
        } elsif (/^ALARM (.*)/) {
            push @{$found{alarms}}, $1;
        } elsif (/Warning:|User Error/) {
            push @{$found{alarms}}, $_;
        }
    }
    push @{$found{alarms}}, "frama-c failed: $lines[-1]" if !$ended;
    return %found;
}

# Takes the alarms that have a reason away, and returns how many there were. A reason without an alarm
# fails.
sub explained {
    my ($name, $found) = @_;
    my $count = 0;
    for (grep { $_->[0] eq $name } @reasons) {
        my (undef, $file, $part, $reason) = @$_;
        my @others = grep { !(/^\Q$file\E:/ && /\Q$part\E/) } @{$found->{alarms}};
        my $taken = @{$found->{alarms}} - @others;
        ok($taken, "$name: there is an alarm \"$part\" in $file, with a reason");
        ok($reason, "$name: the reason is given");
        $count += $taken;
        @{$found->{alarms}} = @others;
    }
    return $count;
}

my @table;
for (grep { $wanted{$_->[0]} } @modules) {
    my ($name, @sources) = @$_;
    make_path("$build/$name");
    my %found = analyse($name, "$build/$name", @sources);
    $found{seen} = [@{$found{alarms}}];
    my $explained = explained($name, \%found);
    is(join("\n", @{$found{alarms}}), '', "$name: no alarm");
    is(join("\n", @{$found{dead}}), '', "$name: some input reaches each statement");
    cmp_ok($found{all}, '>', 0, "$name: there are statements");

    my @mutants = glob "$here/mutants/$name-*.mutant";
    ok(scalar @mutants, "$name: has a seeded mistake");
    my $caught = 0;
    for my $path (@mutants) {
        my ($mutant) = $path =~ m{([^/]+)\.mutant$};
        my ($wrong, $says, $file, $text) = mutate($path);
        is($wrong, undef, "$mutant: can be made") or next;
        ok((grep { $_ eq $file } @sources), "$mutant: is in a source of $name") or next;
        write_mutant($file, $text, "$build/mutants/$mutant");
        my %seen = analyse($name, "$build/mutants/$mutant", @sources);
        my @alarms = grep { !/frama-c failed/ } @{$seen{alarms}};
        my %before = map { s/:\d+ / /r => 1 } @{$found{seen}};
        @alarms = grep { !$before{s/:\d+ / /r} } @alarms;
        ok(scalar @alarms, "$mutant: is noticed") or diag($says);
        note("$mutant: $alarms[0]") if @alarms;
        $caught++ if @alarms;
    }
    push @table, sprintf '%-16s %5d of %5d %7d %9d %5d of %2d %8.1f', $name, $found{reached}, $found{all},
        scalar @{$found{alarms}}, $explained, $caught, scalar @mutants, $found{seconds};
}
for my $path (glob "$here/mutants/*.mutant") {
    my ($module) = $path =~ m{([^/]+)-[^/]*$};
    ok($known{$module // ''}, "$path: there is such a module");
}
diag(join "\n", sprintf('%-16s %14s %7s %9s %11s %8s', qw(module statements alarms explained noticed seconds)), @table);
done_testing();
