# Mutants of the interrupt core: tests/model/mutants/*.mutant. A mutant is a sentence, then "--- FILE",
# lines of that file, "+++", and their replacement. The lines must occur in the file exactly once.
package Mutant;
use strict;
use warnings;
use Exporter 'import';
use File::Basename 'dirname';
use File::Path 'make_path';

our @EXPORT_OK = qw(mutate write_mutant compiled_in);

# Sources that contain a production file instead of being linked with it.
my %inside = ('vmm/interrupts/routing.c' => 'tests/model/world_routing.c', 'vmm/vcpu/virq.c' => 'tests/model/world_virq.c',
    'vmm/vcpu/posted.c' => 'tests/model/world_virq.c');

# The source that is compiled for a production file.
sub compiled_in {
    my ($file) = @_;
    return $inside{$file} // $file;
}

sub slurp {
    my ($path) = @_;
    local (@ARGV, $/) = $path;
    return scalar <>;
}

# Returns undef, the sentence, the file's name and its new text; or what is wrong.
sub mutate {
    my ($path) = @_;
    my ($says, $file, $old, $new) = slurp($path) =~ /\A(.*?)^--- (\S+)\n(.*?)^\+\+\+\n(.*)\z/ms
        or return 'not a mutant';
    chomp($says, $old, $new);
    my $text = slurp($file);
    my $found = () = $text =~ /\Q$old\E/g;
    return "$file contains the lines $found times" if $found != 1;
    $text =~ s/\Q$old\E/$new/;
    return (undef, $says, $file, $text);
}

# Writes the new text into a folder, under the file's name. A compiler that gets -I FOLDER first and
# compiles compiled_in($file), from the folder if it is there, builds the mutant.
sub write_mutant {
    my ($file, $text, $dir) = @_;
    make_path(dirname("$dir/$file"));
    open my $out, '>', "$dir/$file" or die "$dir/$file: $!\n";
    print $out $text;
    close $out;
}

1;
