# Frama-C for the tests of tests/analysis: their tables, how it reads the sources, its log, and the
# seeded mistakes, which it must notice.
package FramaC;
use strict;
use warnings;
use Exporter 'import';
use File::Path 'make_path';
use Mutant qw(mutate write_mutant);
use Test::More;
use Tree 'read_text';

our @EXPORT_OK = qw(table_rows wanted_rows frama_c source_in each_mutant check_mutants);

my $here = 'tests/analysis';

# The rows of a table in tests/analysis, without comments; each is split at the separator.
sub table_rows {
    my ($table, $separator) = @_;
    return map { [split $separator // ' '] } grep { !/^(?:#|\s*$)/ } split /\n/, read_text("$here/$table");
}

# The rows whose first field is among the names, or all of them if there are no names.
sub wanted_rows {
    my ($rows, @names) = @_;
    my %known = map { $_->[0] => 1 } @$rows;
    my %wanted = map { $_ => 1 } @names ? @names : keys %known;
    ok($known{$_}, "there is a row $_") for sort keys %wanted;
    return grep { $wanted{$_->[0]} } @$rows;
}

# The file, or what stands for it in the folder of a mutant.
sub source_in {
    my ($folder, $file) = @_;
    return -e "$folder/$file" ? "$folder/$file" : $file;
}

# Runs Frama-C with these options and files; headers in the folder go before the others, and its log goes
# there. Whether it succeeded, and its lines.
sub frama_c {
    my ($folder, @arguments) = @_;
    my @command = ('frama-c', qw(-machdep gcc_x86_64 -c11 -kernel-verbose 0),
        "-cpp-extra-args=-iquote $folder -I. -include $here/compiler.h", @arguments);
    make_path($folder);
    open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or die "frama-c: $!\n";
    my @lines = <$pipe>;
    my $succeeded = close $pipe;
    open my $log, '>', "$folder/log" or die "$folder/log: $!\n";
    print $log "@command\n", @lines;
    close $log;
    return ($succeeded, @lines);
}

# Makes each mistake that a folder of tests/analysis has for this name, FOLDER/NAME-*.mutant, and calls
# the function with a folder of its own under $build, which contains the wrong source, that source's
# name, and what the mistake's file says. The function returns what was noticed, if anything. Returns how
# many were, and of how many.
sub each_mutant {
    my ($mutants, $name, $build, $run) = @_;
    my @paths = glob "$here/$mutants/$name-*.mutant";
    my $noticed = 0;
    ok(scalar @paths, "$name: has a mistake");
    for my $path (@paths) {
        my ($mutant) = $path =~ m{([^/]+)\.mutant$};
        my ($wrong, $says, $file, $text) = mutate($path);
        is($wrong, undef, "$mutant: can be made") or next;
        write_mutant($file, $text, "$build/$mutants/$mutant");
        my $seen = $run->("$build/$mutants/$mutant", $file, $says);
        ok(defined $seen, "$mutant: is noticed") or diag($says);
        note("$mutant: $seen") if defined $seen;
        $noticed++ if defined $seen;
    }
    return ($noticed, scalar @paths);
}

# Each mistake in the folder is of one of the rows.
sub check_mutants {
    my ($mutants, @rows) = @_;
    my %known = map { $_->[0] => 1 } @rows;
    for my $path (glob "$here/$mutants/*.mutant") {
        ok($known{($path =~ m{([^/]+)-[^/]*$})[0] // ''}, "$path: is of a row");
    }
}

1;
