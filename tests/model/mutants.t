#!/usr/bin/env perl
# The model checker can fail: production code with one mistake each, built from mutants/*.mutant,
# and each must be caught. A mutant is a sentence, then "--- FILE", lines of that file, "+++", and
# what takes their place. The lines must be there exactly once, or the test fails: production code
# itself knows nothing of mutants. The table in docs/model.md must say what is found here.
use strict;
use warnings;
use File::Basename;
use File::Path 'make_path';
use Test::More;

my $build = ($ENV{B} // 'build') . '/model';
my @cc = split ' ', $ENV{MODEL_CC} // die "call this by make test\n";
my @objects = split ' ', $ENV{MODEL_OBJECTS};

# Sources that contain a production file instead of being linked with it.
my %inside = ('vmm/interrupts/routing.c' => 'tests/model/world_routing.c', 'vmm/vcpu/virq.c' => 'tests/model/world_virq.c');

sub slurp {
    my ($path) = @_;
    local (@ARGV, $/) = $path;
    return scalar <>;
}

# Returns the sentence and the file's name and new text, or what is wrong.
sub mutate {
    my ($path) = @_;
    my ($says, $file, $old, $new) = slurp($path) =~ /\A(.*?)^--- (\S+)\n(.*?)^\+\+\+\n(.*)\z/ms
        or return 'this is no mutant';
    chomp($says, $old, $new);
    my $text = slurp($file);
    my $found = () = $text =~ /\Q$old\E/g;
    return "$file has the lines $found times" if $found != 1;
    $text =~ s/\Q$old\E/$new/;
    return (undef, $says, $file, $text);
}

# Builds it in a folder of its own; returns the program.
sub build {
    my ($name, $file, $text) = @_;
    my $dir = "$build/mutants/$name";
    make_path(dirname("$dir/$file"));
    open my $out, '>', "$dir/$file" or die "$dir/$file: $!\n";
    print $out $text;
    close $out;
    my $source = $inside{$file} // "$dir/$file";
    my $replaced = $inside{$file} // $file;
    my @others = grep { $_ ne "$build/" . ($replaced =~ s/\.c$/.o/r) } @objects;
    return if @others == @objects;
    my @command = (@cc, "-I$dir", '-I.', $source, @others, '-Wl,--gc-sections', '-o', "$dir/model");
    return system(@command) == 0 ? "$dir/model" : undef;
}

# The table's rows: name => [sentence, invariant].
my $table = slurp('docs/model.md');
my %row;
$row{$1} = [$2, $3] while $table =~ /^\| (\w+) \| ([^|]*) \| (\d+) \|$/mg;

# One that the code has grown out of fails, and is not left out.
my $outgrown = "$build/outgrown.mutant";
open my $file, '>', $outgrown or die "$outgrown: $!\n";
print $file "Nothing of this is there.\n--- vmm/interrupts/tokens.c\nno such line\n+++\n";
close $file;
is((mutate($outgrown))[0], 'vmm/interrupts/tokens.c has the lines 0 times', 'lines that are not there are noticed');

my @mutants = sort glob 'tests/model/mutants/*.mutant';
cmp_ok(scalar @mutants, '>=', 16, 'there are enough mutants');
@mutants = map { "tests/model/mutants/$_.mutant" } @ARGV if @ARGV;
for my $path (@mutants) {
    my $name = basename($path, '.mutant');
    my ($wrong, $says, $file, $text) = mutate($path);
    is($wrong, undef, "$name: can be made") or next;
    my $program = build($name, $file, $text);
    ok($program, "$name: builds") or next;
    my $story = `$program room=400000`;
    my ($invariant) = $story =~ /^VIOLATION invariant=(\d+)/m;
    open my $out, '>', "$build/mutants/$name/story" or die "$name/story: $!\n";
    print $out $story;
    close $out;
    my $verdict = defined $invariant ? "invariant=$invariant caught" : 'survived';
    print STDERR "MUTANT name=$name $verdict\n";
    ok(defined $invariant, "$name: is caught") or diag("$says\n$story");
    is_deeply($row{$name}, [$says, $invariant], "$name: as in docs/model.md");
}
done_testing();
