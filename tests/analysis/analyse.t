#!/usr/bin/env perl
# Frama-C's Eva on the modules that take the bytes of a guest, an image or the firmware: no undefined
# behaviour for any input, and no statement that no input reaches (docs/proof.md). `modules` lists
# them. Each module has seeded mistakes, and Eva must complain of each.
#
#     tests/analysis/analyse.t [MODULE]...
use strict;
use warnings;
use lib 'tests/lib';
use FramaC qw(table_rows wanted_rows frama_c source_in each_mutant check_mutants);
use Test::More;

my $build = ($ENV{B} // 'build') . '/analysis';
plan skip_all => 'there is no Frama-C: apt-get install frama-c-base ocaml-findlib'
    if system('command -v frama-c >/dev/null && command -v ocamlfind >/dev/null');

my @modules = table_rows('modules');
my @reasons = table_rows('reasons', qr/ \| /);

# CPU time of the programs that have run.
sub children_seconds {
    my (undef, undef, $user, $system) = times;
    return $user + $system;
}

# Runs Eva. What it found: the statements of the module, those reached, the alarms, the statements
# that are not reached. The headers of the modules are theirs too. A source after a + is of another
# row, which shows that each of its statements is reached.
sub analyse {
    my ($name, $folder, @sources) = @_;
    my @options = grep { !/\.c$/ } @sources;
    my @files = map { source_in($folder, s/^\+//r) } grep { /\.c$/ } @sources;
    my $before = children_seconds();
    my ($ended, @lines) = frama_c($folder, qw(-load-script tests/analysis/findings.ml -eva-verbose 0),
        qw(-eva -eva-precision 2 -eva-ilevel 64 -eva-split-return auto -warn-invalid-pointer),
        @options, "tests/analysis/$name.c", @files);
    my %own = map { $_ => 1 } grep { /^[^+].*\.c$/ } @sources;
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

# An alarm's text without the line and Frama-C's numbers, which a change elsewhere moves.
sub without_place {
    my ($alarm) = @_;
    return $alarm =~ s/:\d+ / /r =~ s/ at stmt \d+$//r =~ s/_va_\d+\b/_va/r;
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
for (wanted_rows(\@modules, @ARGV)) {
    my ($name, @sources) = @$_;
    my %found = analyse($name, "$build/$name", @sources);
    my %before = map { without_place($_) => 1 } @{$found{alarms}};
    my $explained = explained($name, \%found);
    is(join("\n", @{$found{alarms}}), '', "$name: no alarm");
    is(join("\n", @{$found{dead}}), '', "$name: some input reaches each statement");
    cmp_ok($found{all}, '>', 0, "$name: there are statements");

    my ($noticed, $mistakes) = each_mutant('mutants', $name, $build, sub {
        my ($folder, $file) = @_;
        ok((grep { $_ eq $file || $file =~ /\.h$/ } @sources), "$file is a source of $name") or return;
        my %seen = analyse($name, $folder, @sources);
        my ($alarm) = grep { !/frama-c failed/ && !$before{without_place($_)} } @{$seen{alarms}};
        return $alarm;
    });
    push @table, sprintf '%-16s %5d of %5d %7d %9d %5d of %2d %8.1f', $name, $found{reached}, $found{all},
        scalar @{$found{alarms}}, $explained, $noticed, $mistakes, $found{seconds};
}
check_mutants('mutants', @modules);
diag(join "\n", sprintf('%-16s %14s %7s %9s %11s %8s', qw(module statements alarms explained noticed seconds)), @table);
done_testing();
