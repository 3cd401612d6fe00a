# Types to a machine while it runs, and reads what it answers.
package Typist;
use strict;
use warnings;
use IPC::Open2;

# Nothing here is timed. The machine ends by itself if it hangs: tools/run --silence.

# Starts a command. What is typed goes to its standard input, unless `input` names a FIFO for it.
sub start {
    my ($class, $command, %option) = @_;
    my $self = bless {seen => ''}, $class;
    $self->{pid} = open2($self->{out}, $self->{in}, @$command);
    if ($option{input}) {
        open $self->{in}, '+<', $option{input} or die "$option{input}: $!\n";
    }
    $self->{in}->autoflush(1);
    return $self;
}

sub type {
    my ($self, $text) = @_;
    print {$self->{in}} $text;
}

# Reads what is printed next; false at the end.
sub more {
    my ($self) = @_;
    my $count = sysread $self->{out}, my $bytes, 4096;
    return 0 if !$count;
    $self->{seen} .= $bytes;
    return 1;
}

# Waits for something that matches; what came until then has been seen. Returns what the pattern
# caught, or everything it matched; nothing if it never comes.
sub wait_for {
    my ($self, $pattern) = @_;
    while (1) {
        if ($self->{seen} =~ /$pattern/) {
            my ($found, $end) = ($1 // $&, $+[0]);
            $self->{seen} = substr $self->{seen}, $end;
            return $found;
        }
        return if !$self->more;
    }
}

# Reads to the end; returns the exit status. Or ends it, if it does not end by itself.
sub finish {
    my ($self) = @_;
    1 while $self->more;
    kill 'TERM', $self->{pid};
    waitpid $self->{pid}, 0;
    return $? >> 8;
}

1;
