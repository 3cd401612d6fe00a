#!/usr/bin/env perl
# The model checker can fail: each mutants/*.mutant is a mistake in one production file, and each
# must be caught (tests/lib/Mutant.pm says what a mutant is). If its lines do not occur in the file
# exactly once the test fails: production code itself contains nothing for mutants. The table in docs/model.md must list exactly these mutants,
# each with its sentence and the invariant that is violated.
# A mutant of delivery in software has a name that begins with software_, of posted interrupts one that
# begins with posted_.
use strict;
use warnings;
use lib 'tests/lib';
use File::Basename;
use Mutant qw(mutate write_mutant compiled_in);
use Test::More;

my $build = ($ENV{B} // 'build') . '/model';
my @cc = split ' ', $ENV{MODEL_CC} // die "call this by make test\n";
my @objects = split ' ', $ENV{MODEL_OBJECTS};

sub slurp {
    my ($path) = @_;
    local (@ARGV, $/) = $path;
    return scalar <>;
}

# Builds a mutant in its own folder; returns the program.
sub build {
    my ($name, $file, $text) = @_;
    my $dir = "$build/mutants/$name";
    write_mutant($file, $text, $dir);
    my $replaced = compiled_in($file);
    my $source = $replaced eq $file ? "$dir/$file" : $replaced;
    my @others = grep { $_ ne "$build/" . ($replaced =~ s/\.c$/.o/r) } @objects;
    return if @others == @objects;
    my @command = (@cc, "-I$dir", '-I.', $source, @others, '-Wl,--gc-sections', '-o', "$dir/model");
    return system(@command) == 0 ? "$dir/model" : undef;
}

# Which names are in one list only, or twice in one.
sub unpaired {
    my ($rows, $files) = @_;
    my %balance;
    $balance{$_}++ for @$rows;
    $balance{$_}-- for @$files;
    return map { $balance{$_} > 0 ? "$_: a row without a file" : $balance{$_} < 0 ? "$_: a file without a row" : () }
        sort keys %balance;
}

# The table's rows: name => [sentence, invariant].
my $table = slurp('docs/model.md');
my (@rows, %row);
while ($table =~ /^\| (\w+) \| ([^|]*) \| (\d+) \|$/mg) {
    push @rows, $1;
    $row{$1} = [$2, $3];
}

# Lines that the code no longer contains are an error: the mutant is not skipped.
my $outgrown = "$build/outgrown.mutant";
open my $file, '>', $outgrown or die "$outgrown: $!\n";
print $file "Nothing of this is there.\n--- vmm/interrupts/tokens.c\nno such line\n+++\n";
close $file;
is((mutate($outgrown))[0], 'vmm/interrupts/tokens.c contains the lines 0 times', 'missing lines are noticed');

my @mutants = sort glob 'tests/model/mutants/*.mutant';
is_deeply([unpaired([qw(both gone twice twice)], [qw(both new twice)])],
    ['gone: a row without a file', 'new: a file without a row', 'twice: a row without a file'],
    'a row without a file, a file without a row and a second row are noticed');
is_deeply([unpaired(\@rows, [map { basename($_, '.mutant') } @mutants])], [],
    'docs/model.md lists exactly the mutants that are there');
cmp_ok(scalar @mutants, '>=', 44, 'there are enough mutants');
@mutants = grep { -e } map { "tests/model/mutants/$_.mutant" } @ARGV if @ARGV;
for my $path (@mutants) {
    my $name = basename($path, '.mutant');
    my ($wrong, $says, $file, $text) = mutate($path);
    is($wrong, undef, "$name: can be made") or next;
    my $program = build($name, $file, $text);
    ok($program, "$name: builds") or next;
    my ($backend) = ($name =~ /^(software|posted)_/, '');
    my $story = `$program $backend room=400000`;
    my ($invariant) = $story =~ /^VIOLATION invariant=(\d+)/m;
    open my $out, '>', "$build/mutants/$name/story" or die "$name/story: $!\n";
    print $out $story;
    close $out;
    my $verdict = defined $invariant ? "invariant=$invariant caught" : 'survived';
    print STDERR "MUTANT name=$name $verdict\n";
    ok(defined $invariant, "$name: is caught") or diag("$says\n$story");
    is_deeply($row{$name}, [$says, $invariant], "$name: as in docs/model.md");
    for my $reductions ('reduced', 'rounds') {
        $story = `$program $backend $reductions room=400000`;
        like($story, qr/^VIOLATION /m, "$name: is caught with reductions too: $reductions") or diag($story);
    }
}

# The mistakes that only bounds of other registers can show. Each has a row with its sentence, too. The
# name of those of a change of the mode begins with mode_, of IPIs with icr_.
my %bounds_of = (
    mode => [qw(modes-ids modes modes-moved modes-pending modes-edges modes-logical modes-late)],
    icr => [qw(ipis ipis-x2apic)],
);
my @bounds = qw(x2apic x2apic-edges ids clusters init init-moved suppressed suppressed-moved priorities two-fields);
for my $path (@ARGV ? grep({ -e } map { "tests/model/registers/$_.mutant" } @ARGV) : sort glob 'tests/model/registers/*.mutant') {
    my $name = basename($path, '.mutant');
    my ($wrong, $says, $file, $text) = mutate($path);
    is($wrong, undef, "$name: can be made") or next;
    my $program = build($name, $file, $text);
    ok($program, "$name: builds") or next;
    my @of = @{$bounds_of{$name =~ s/_.*//r} // \@bounds};
    my $story = `$program endless room=300000 @of`;
    my ($invariant) = $story =~ /^VIOLATION invariant=(\d+)/m;
    print STDERR "MUTANT name=$name ", defined $invariant ? "invariant=$invariant caught" : 'survived', "\n";
    ok(defined $invariant, "$name: is caught") or diag("$says\n$story");
    $story = `$program rounds endless room=300000 @of`;
    like($story, qr/^VIOLATION /m, "$name: is caught with whole rounds too") or diag($story);
    like($table, qr/^\| $name \| \Q$says\E \|$/m, "$name: as in docs/model.md");
}
done_testing();
