# Types to a running machine, and reads what it prints.
package Typist;
use strict;
use warnings;
use IPC::Open2;
use POSIX 'mkfifo';
use Test::More;

# No wait here has a limit of its own. If the machine hangs, tools/run ends it (--silence), which is the
# end of its output.

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

# Starts tools/run with these options and a FIFO in $dir for what is typed.
sub run {
    my ($class, $dir, @options) = @_;
    my $fifo = "$dir/typed";
    mkfifo($fifo, 0600) or BAIL_OUT("$fifo: $!");
    return $class->start(['tools/run', '--emu', 'bochs', '--log-dir', $dir, '--input', $fifo, @options],
        input => $fifo);
}

sub type {
    my ($self, $text) = @_;
    print {$self->{in}} $text;
}

# Reads what is printed next. False at the end of the output.
sub more {
    my ($self) = @_;
    my $count = sysread $self->{out}, my $bytes, 4096;
    return 0 if !$count;
    $self->{seen} .= $bytes;
    return 1;
}

# Waits until the output matches, and drops the output up to the end of the match. Returns the first
# capture of the pattern, or else the whole match; nothing if the output ends first.
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

# A test: types something (unless it is undefined) and waits for the answer. Returns what wait_for()
# does, or '' if the test failed.
sub answers {
    my ($self, $typed, $pattern, $name) = @_;
    $self->type($typed) if defined $typed;
    my $found = $self->wait_for($pattern);
    ok(defined $found, $name) or diag(substr $self->{seen}, -1000);
    return $found // '';
}

# Reads to the end of the output; returns the exit status.
sub finish {
    my ($self) = @_;
    1 while $self->more;
    kill 'TERM', $self->{pid};
    waitpid $self->{pid}, 0;
    return $? >> 8;
}

1;
