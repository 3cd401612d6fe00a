#!/usr/bin/env perl
# The order of the rooms (tests/lint/rooms): who includes whom, also through other headers, and who
# calls whom, as the objects' symbols say. Modules may call each other in a cycle in one room only.
# With LINT_TABLE set it also shows the rooms and the arrows between them.
use strict;
use warnings;
use lib "$ENV{LINT_HOME}/tests/lib";
use Test::More;
use Rooms qw(rooms room_of may_use module_of includes calls cycles);
use Tree qw(files dependencies count_lines read_text);

my @code = grep { m{^(?:arch|boot|drivers|guest|lib|vmm)/} && /\.(?:[ch]|asm|asl)$/ } files();
my %graph;

# ---- includes -----------------------------------------------------------------------------------

my @checked = grep { room_of($_) } grep { /\.[ch]$/ } @code;
my %headers = dependencies(@checked);
for my $path (@code) {
    my $room = room_of($path);
    ok($room, "$path is in a room of tests/lint/rooms") or next;
    my @wrong;
    for my $header (@{$headers{$path} // []}) {
        push @wrong, $header if !may_use($room, $header);
    }
    is("@wrong", '', "$path includes only what its room may");
}

# ---- calls --------------------------------------------------------------------------------------

my %calls = calls();
my %downward;
for my $from (sort keys %calls) {
    my $room = room_of("$from.c");
    my @wrong;
    for my $to (sort keys %{$calls{$from}}) {
        my $other = room_of("$to.c");
        if ($other->{rank} <= $room->{rank}) {
            $downward{$from}{$to} = 1;
        } else {
            push @wrong, sort keys %{$calls{$from}{$to}};
        }
    }
    is("@wrong", '', "$from calls only its own room and lower ones");
}

for (cycles(%downward)) {
    my @modules = @$_;
    my $room = room_of("$modules[0].c");
    ok($room->{knot}, "no cycle of calls in $room->{name}: @modules");
}

for (cycles(%calls)) {
    my %rooms = map { room_of("$_.c")->{name} => 1 } @$_;
    my @names = keys %rooms > 1 ? @$_ : map { m{([^/]+)$} } @$_;
    diag(sprintf "knot of %d modules in %s: %s", scalar @$_, join(', ', sort keys %rooms), "@names");
}

# ---- rooms --------------------------------------------------------------------------------------

# Includes that are written in a file of the room, and calls.
my %includes = includes();
my %arrows;
for my $from (keys %includes) {
    $arrows{$from}{$_} = 1 for keys %{$includes{$from}};
}
for my $from (keys %calls) {
    for (keys %{$calls{$from}}) {
        my ($a, $b) = map { room_of("$_.c")->{name} } $from, $_;
        $arrows{$a}{$b} = 1 if $a ne $b;
    }
}
is(join(', ', map { "@$_" } cycles(%arrows)), '', 'no cycle between rooms');

if (-e 'docs/rooms.svg') {
    my $is_now = `'$ENV{LINT_HOME}/tools/draw-rooms'` eq read_text('docs/rooms.svg');
    ok($is_now, 'docs/rooms.svg shows the rooms as they are: make docs');
}

if ($ENV{LINT_TABLE}) {
    my ($arrows, @lines) = (0);
    for my $room (rooms()) {
        my @files = grep { room_of($_) == $room } @code;
        my @to = grep { $arrows{$room->{name}}{$_} } map { $_->{name} } rooms();
        $arrows += @to;
        push @lines, sprintf '%-14s %3d files %5d lines  -> %s', $room->{name}, scalar @files,
            count_lines(@files), join ', ', map { $_ . ($includes{$room->{name}}{$_} ? " $includes{$room->{name}}{$_}" : '') } @to;
    }
    my @cycles = cycles(%arrows);
    diag(join "\n", 'Rooms, lines of code, and what each includes (how often) or calls:', @lines,
        sprintf('%d rooms, %d arrows, %s', scalar @lines, $arrows,
                @cycles ? join ', ', map { "a cycle between @$_" } @cycles : 'no cycle between rooms'));
}
done_testing();
