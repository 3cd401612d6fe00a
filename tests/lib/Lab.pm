# The labs (docs/labs.md): their configuration files, what of a log is their output, and the answers in it.
# For tools/lab, and for tests/labs/.
package Lab;
use strict;
use warnings;
use Exporter 'import';
use Log;
use Tree 'read_text';

our @EXPORT_OK = qw(numbers title source change config chain view answers write_file);

my $dir = 'guest/labs';

sub write_file {
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!\n";
    print $file $text;
    close $file or die "$path: $!\n";
}

# "01", "02", ...: each has a configuration file.
sub numbers {
    return sort map { m{/(\d\d)\.cfg$} } glob "$dir/*.cfg";
}

# The C file, or the script of a Linux.
sub source {
    my ($number) = @_;
    return (glob "$dir/${number}_*")[0] // die "there is no $dir/${number}_*\n";
}

sub title {
    my ($number) = @_;
    my ($title) = read_text(source($number)) =~ /Lab $number: (.*?)\.?$/m;
    return $title // die source($number) . ": no line \"Lab $number: ...\"\n";
}

# The text with the change of a task: a line "- old" and a line "+ new". The old one must be there once.
sub change {
    my ($path, $task) = @_;
    my ($old, $new) = read_text($task) =~ /\A- (.*)\n\+ (.*)\n\z/ or die "$task: not a line \"- ...\" and a line \"+ ...\"\n";
    my @lines = split /^/, read_text($path);
    my @at = grep { $lines[$_] eq "$old\n" } 0 .. $#lines;
    die sprintf "%s: the line of the task is there %u times, not once: %s\n", $path, scalar @at, $old if @at != 1;
    $lines[$at[0]] = "$new\n";
    return join '', @lines;
}

# The blocks of a lab's configuration file. task => 1: with the change of its task; trace => 1: with a
# trace, and fewer rounds, so that it is complete.
sub config {
    my ($number, %option) = @_;
    my $text = read_text("$dir/$number.cfg");
    $text =~ s/\\lab$number\.elf/\\lab$number-task.elf/g if $option{task};
    $text =~ s/\brun=lab11\b/run=lab11-task/ if $option{task};
    return $text if !$option{trace};
    my @blocks = split /^(?=\[)/m, $text;
    for (grep { /^\[/ } @blocks) {
        s/^cmdline.*\K/ rounds=5/m or s/\n\K/cmdline = rounds=5\n/;
        s/\n\K/trace = on\n/;
    }
    return join '', @blocks;
}

sub guests {
    my ($config) = @_;
    return $config =~ /^\[(.*)\]$/mg;
}

# One configuration of several labs, one after the other.
sub chain {
    my ($option, @numbers) = @_;
    my ($last, @texts);
    for (@numbers) {
        my $text = config($_, %$option);
        $text =~ s/^\[.*\]\n\K/after = $last\n/m if $last;
        $last = (guests($text))[-1];
        push @texts, $text;
    }
    return join "\n", @texts;
}

# The lines of one guest. If it is alone, its lines have no name.
sub lines_of {
    my ($log, $guest) = @_;
    my @named = map { /^\[\Q$guest\E\] (.*)/ ? $1 : () } @{$log->{lines}};
    return @named if @named;
    my @lines = @{$log->{lines}};
    shift @lines while @lines && $lines[0] !~ /^pinwheel: guest \Q$guest\E starts/;
    return grep { !/^(?:pinwheel:|COUNTERS|SCANS|EXITS|GUEST|PINWHEEL|TRACE|BENCH|\[)/ && /\S/ } @lines;
}

# The output of a lab: what its guests print, and the counters that its configuration file names as
# "#: 08.6  Text = TAG key=value key=value KEY". Of a Linux only the answers.
sub view {
    my ($log, $number) = @_;
    my $config = config($number);
    my @lines = map { lines_of($log, $_) } guests($config);
    @lines = grep { /^(?:Lab $number: |$number\.\d  )/ } @lines if source($number) !~ /\.c$/;
    my @title = grep { /^Lab / } @lines;
    @lines = ($title[0] // (), grep { !/^Lab / } @lines);
    while ($config =~ /^#: (.*?) = (\w+) (.*) (\w+)$/mg) {
        my ($text, $tag, $wanted, $key) = ($1, $2, $3, $4);
        my %has = map { split /=/, $_, 2 } split ' ', $wanted;
        my $guest = delete $has{guest} // (guests($config))[0];
        my ($record) = grep { my $r = $_; $r->{tag} eq $tag && ($r->{guest} // '') eq $guest && !grep { ($r->{$_} // '') ne $has{$_} } keys %has }
            @{$log->{records}};
        push @lines, "$text: " . ($record ? $record->{$key} // die "$tag has no $key\n" : 0);
    }
    return join '', map { "$_\n" } @lines;
}

# number of the answer => [text, answer]
sub answers {
    my ($output) = @_;
    return map { /^(\d\d\.\d+)  (.+): (\S+)$/ ? ($1 => [$2, $3]) : () } split /\n/, $output;
}

1;
