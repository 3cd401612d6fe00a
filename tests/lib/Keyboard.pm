# The keyboard of a machine in Bochs: keys pressed over its display, which speaks RFB.
package Keyboard;
use strict;
use warnings;
use IO::Socket::INET;
use Test::More;

# RFC 6143, "KeyEvent": X11's keysyms; those of ASCII are the characters themselves.
my %keysym = (Control => 0xffe3, Enter => 0xff0d, Up => 0xff52, Down => 0xff54);

# The TCP port that a process in this folder listens on: Bochs' display takes the first that is free.
sub port_of {
    my ($dir) = @_;
    my ($device, $inode) = stat $dir;
    my %socket;
    for my $process (glob '/proc/[0-9]*') {
        my @folder = stat "$process/cwd" or next;
        next if $folder[0] != $device || $folder[1] != $inode;
        /^socket:\[(\d+)\]/ and $socket{$1} = 1 for map { readlink // '' } glob "$process/fd/*";
    }
    open my $list, '<', '/proc/net/tcp' or return;
    for (<$list>) { # number, local address, remote address, state (0AH: it listens), ..., inode
        my @field = split;
        return hex((split /:/, $field[1])[1]) if $field[3] eq '0A' && $socket{$field[9]};
    }
    return;
}

# Connects to the machine that tools/run has started with this --log-dir.
sub connect {
    my ($class, $dir) = @_;
    my $port = port_of($dir) // BAIL_OUT("no process in $dir has a display");
    my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
        or BAIL_OUT("the display at port $port: $@");
    my $self = bless {server => $server}, $class;
    my $version = $self->receive(12);
    $self->send($version);
    my $security = unpack 'N', $self->receive(4);
    $security == 1 or BAIL_OUT("the display wants security type $security");
    $self->send("\x01"); # shared
    $self->receive(unpack 'x20 N', $self->receive(24));
    return $self;
}

sub receive {
    my ($self, $size) = @_;
    my $bytes = '';
    while (length $bytes < $size) {
        sysread $self->{server}, $bytes, $size - length $bytes, length $bytes
            or BAIL_OUT('the display has closed the connection');
    }
    return $bytes;
}

sub send {
    my ($self, $bytes) = @_;
    syswrite($self->{server}, $bytes) == length $bytes or BAIL_OUT("the display does not receive: $!");
}

# Presses these keys one after another: characters that need no Shift, or names; "Control+a" holds the first
# while it presses the second. A keyboard keeps 16 codes, three for each key, until the machine reads them.
sub press {
    my ($self, @keys) = @_;
    for (@keys) {
        my @held = map { $keysym{$_} // ord } split /\+/;
        $self->send(pack 'CCnN', 4, 1, 0, $_) for @held;
        $self->send(pack 'CCnN', 4, 0, 0, $_) for reverse @held;
    }
}

1;
