# Reads the log of a run, and checks it against what is expected.
#
# The log is what came from the serial port. Its lines of results are a word in capitals and pairs:
#
#     GUEST name=hello result=pass code=0 exits=123
#
# A guest's own lines carry "[name] " in front where there are several guests, which counts as
# guest=name. A guest that reports
# tests does so in TAP; what it reported becomes one more line of results:
#
#     TAP guest=reroute plan=12 passed=12 failed=0 skipped=0
#
# An expectation is the same kind of line with any part of the pairs, where <= and >= may stand for
# =; exactly one line of the log must have them all. "no " before it: no line may. "/pattern/"
# expects a line that matches the pattern.
package Log;
use strict;
use warnings;

my $TAG = qr/(?:GUEST|COUNTERS|SCANS|EXITS|BENCH|SOAK|TAP|PINWHEEL [a-z]+)/;

sub read_file {
    my ($class, $path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return $class->new(scalar <$file>);
}

sub new {
    my ($class, $text) = @_;
    my $self = bless {lines => [], records => [], tap => {}}, $class;
    my %of_guest;
    for my $line (split /\r*\n/, $text) {
        push @{$self->{lines}}, $line;
        my $guest = $line =~ s/^\[([^\]]+)\] // ? $1 : '';
        push @{$of_guest{$guest}}, $line;
        next if $line !~ /^$TAG .*\w=/;
        my $record = record($line);
        $record->{guest} //= $guest if $guest ne '';
        push @{$self->{records}}, $record;
    }
    $self->read_taps(\%of_guest);
    return $self;
}

# The fields of "TAG key=value key=value", as [key, operator, value]; a value may be quoted.
sub fields {
    my ($text) = @_;
    my @fields;
    push @fields, [$1, $2, defined $3 ? $3 : $4]
        while $text =~ /(\w+)(<=|>=|=)(?:"([^"]*)"|(\S*))/g;
    return @fields;
}

sub record {
    my ($line) = @_;
    my ($tag) = $line =~ /^($TAG) /;
    return {tag => $tag, line => $line, map { $_->[0] => $_->[2] } fields($line)};
}

# A log of a single guest has no names in front of its lines: they are that guest's.
sub read_taps {
    my ($self, $of_guest) = @_;
    my @names = map { $_->{name} } grep { $_->{tag} eq 'GUEST' } @{$self->{records}};
    $of_guest->{$names[0]} = delete $of_guest->{''} if @names == 1 && $of_guest->{''};
    for my $guest (sort grep { $_ ne '' } keys %$of_guest) {
        my ($plan, @reports);
        for (@{$of_guest->{$guest}}) {
            if (/^1\.\.(\d+)/) { $plan = $1 }
            elsif (my ($not, $number, $text) = /^(not )?ok (\d+)(?: - )?(.*)/) {
                push @reports, {ok => !$not, number => $number, text => $text,
                                skip => $text =~ /# SKIP/i ? 1 : 0};
            }
        }
        next unless defined $plan || @reports;
        $self->{tap}{$guest} = \@reports;
        my $failed = grep { !$_->{ok} } @reports;
        push @{$self->{records}}, record(sprintf 'TAP guest=%s plan=%s passed=%d failed=%d skipped=%d',
            $guest, $plan // 'none', @reports - $failed, $failed, scalar grep { $_->{skip} } @reports);
    }
}

sub matches {
    my ($record, $tag, @fields) = @_;
    return 0 if $record->{tag} ne $tag;
    for (@fields) {
        my ($key, $operator, $value) = @$_;
        my $actual = $record->{$key} // return 0;
        return 0 if $operator eq '=' && $actual ne $value;
        return 0 if $operator ne '=' && $actual !~ /^\d+$/;
        return 0 if $operator eq '<=' && $actual > $value;
        return 0 if $operator eq '>=' && $actual < $value;
    }
    return 1;
}

# [ok, text, what the log has instead] of one expectation.
sub check {
    my ($self, $expectation) = @_;
    if ($expectation =~ m{^/(.*)/$}) {
        my $pattern = $1;
        return [scalar(grep { /$pattern/ } @{$self->{lines}}) > 0, $expectation, 'no line matches'];
    }
    my ($none, $tag, $rest) = $expectation =~ /^(no )?($TAG) (.*)$/
        or die "this is no expectation: $expectation\n";
    my @fields = fields($rest);
    my @found = grep { matches($_, $tag, @fields) } @{$self->{records}};
    return [@found == 0, $expectation, join "\n", map { $_->{line} } @found] if $none;
    return [1, $expectation, ''] if @found == 1;
    return [0, $expectation, join "\n", 'several lines have it:', map { $_->{line} } @found] if @found;

    # Show the lines that are about the same thing.
    my @identity = grep { $_->[0] =~ /^(?:name|guest|vcpu|vector)$/ } @fields;
    my @near = grep { matches($_, $tag, @identity) } @{$self->{records}};
    return [0, $expectation, @near ? join "\n", 'the log has', map { $_->{line} } @near
                                   : "the log has no such line of $tag"];
}

# What every run must hold, whatever its guests: each report of a guest's is a check, and a guest
# reports as many as it planned, numbered from 1. Returns a list like check()'s.
sub check_taps {
    my ($self) = @_;
    my @results;
    for my $guest (sort keys %{$self->{tap}}) {
        my $next = 1;
        for (@{$self->{tap}{$guest}}) {
            push @results, [$_->{ok} && $_->{number} == $next, "$guest: $_->{text}",
                            "report $_->{number}, the next is $next"];
            $next++;
        }
        my ($tap) = grep { $_->{tag} eq 'TAP' && $_->{guest} eq $guest } @{$self->{records}};
        push @results, [$tap->{plan} eq $next - 1, "$guest: made all the reports it planned",
                        $tap->{line}];
    }
    return @results;
}

# The expectations of a file, without comments.
sub expectations {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    my @lines = grep { /\S/ && !/^#/ } <$file>;
    s/^\s+|\s+$//g for @lines;
    return @lines;
}

# The lines that must be the same in each run of the same image.
sub repeatable {
    my ($self) = @_;
    return map { $_->{line} } grep { $_->{tag} =~ /^(?:GUEST|COUNTERS|SCANS)$/ } @{$self->{records}};
}

1;
