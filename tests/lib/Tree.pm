# The project's files and how to compile one, for the lint. Everything is relative to the current
# directory, so that the lint can be tried on a tree of samples.
package Tree;
use strict;
use warnings;
use Exporter 'import';
use File::Find;

our @EXPORT_OK = qw(files source_files read_text compile dependencies count_lines);

# Every file that belongs to the project, sorted.
sub files {
    my @files;
    find({no_chdir => 1, wanted => sub {
        return $File::Find::prune = 1 if m{^\./(?:build|\.git)$};
        push @files, s{^\./}{}r if -f && !m{/compile_commands\.json$};
    }}, '.');
    return sort @files;
}

sub source_files {
    return grep { /\.[ch]$/ } files();
}

sub read_text {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$file>;
}

# Lines of code in all of these files, without blank lines and comments.
sub count_lines {
    return @_ ? `awk -f '$ENV{LINT_HOME}/tests/lint/count-lines.awk' @_` + 0 : 0;
}

# Runs the compiler with these arguments after the flags that suit every folder. Returns its exit
# status and output.
sub compile {
    my $compiler = $ENV{LINT_CC} // die "call this by make lint\n";
    my $arguments = join ' ', map { "'$_'" } @_;
    my $output = `$compiler $arguments 2>&1`;
    return ($?, $output);
}

# For each file the project's headers that it includes, directly or not: a hash of lists. A file
# that does not compile has none; the build and headers.t report those.
sub dependencies {
    my ($status, $output) = compile('-MM', '-x', 'c', @_);
    if ($status && @_ > 1) {
        return map { dependencies($_) } @_;
    }
    my %headers;
    $output =~ s/\\\n//g;
    for (split /\n/, $status ? '' : $output) {
        my ($path, @rest) = split ' ', s/^[^:]*://r;
        $headers{$path} = \@rest;
    }
    return %headers;
}

1;
