# Reads the log of a run and checks it against expectations.
#
# The log is the output of the serial port. A result is a line of a word in capitals and key=value pairs:
#
#     GUEST name=hello result=pass code=0 exits=123
#
# If there are several guests, a guest's own lines begin with "[name] ", which counts as guest=name. A
# guest reports tests in TAP; its reports become one more result:
#
#     TAP guest=reroute plan=12 passed=12 failed=0 skipped=0
#
# An expectation is such a line with some of the pairs, in which <= and >= may replace =. Exactly one line
# of the log must have all of its pairs; after "no ", no line may have them. "/pattern/" expects a line
# that matches the pattern.
package Log;
use strict;
use warnings;
use Tree 'read_text';

my $TAG = qr/(?:GUEST|COUNTERS|SCANS|EXITS|BENCH|SOAK|DELIVERY|TAP|PINWHEEL [a-z]+)/;

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

# The pairs of "TAG key=value key=value", as [key, operator, value]. A value may be quoted.
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

# In the log of a single guest, lines without a name are that guest's.
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

# Checks one expectation: [ok, text, what the log has instead].
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

    # Show the lines for the same guest, vCPU or vector.
    my @identity = grep { $_->[0] =~ /^(?:name|guest|vcpu|vector)$/ } @fields;
    my @near = grep { matches($_, $tag, @identity) } @{$self->{records}};
    return [0, $expectation, @near ? join "\n", 'the log has', map { $_->{line} } @near
                                   : "the log has no such line of $tag"];
}

# Checks that apply to every run: each report of a guest passes, and each guest makes as many reports as
# it planned, numbered from 1. Returns a list of results as check() returns them.
sub check_taps {
    my ($self) = @_;
    my @results;
    for my $guest (sort keys %{$self->{tap}}) {
        my $next = 1;
        for (@{$self->{tap}{$guest}}) {
            push @results, [$_->{ok} && $_->{number} == $next, "$guest: $_->{text}",
                            "it has number $_->{number}, expected $next"];
            $next++;
        }
        my ($tap) = grep { $_->{tag} eq 'TAP' && $_->{guest} eq $guest } @{$self->{records}};
        push @results, [$tap->{plan} eq $next - 1, "$guest: made all the reports it planned",
                        $tap->{line}];
    }
    return @results;
}

# The expectations in a file, without comments.
sub expectations {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    my @lines = grep { /\S/ && !/^#/ } <$file>;
    s/^\s+|\s+$//g for @lines;
    return @lines;
}

# The lines that must be equal in all runs of the same image.
sub repeatable {
    my ($self) = @_;
    return map { $_->{line} } grep { $_->{tag} =~ /^(?:GUEST|COUNTERS|SCANS)$/ } @{$self->{records}};
}

# The numbers of the events in TRACE lines, by name: from enum trace_event in vmm/interrupts/trace.h.
sub trace_events {
    my ($list) = read_text('vmm/interrupts/trace.h') =~ /enum trace_event \{(.*?)TRACE_EVENT_COUNT/s or die 'no events';
    my %event;
    $list =~ s{/\*.*?\*/}{}gs;
    $event{$_} = keys %event for $list =~ /TRACE_(\w+)/g;
    return %event;
}

1;
