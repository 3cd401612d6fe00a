#!/usr/bin/env perl
# Every header compiles alone, whatever was included before it, and declares only what its own module
# defines (Rooms.pm says what a module is): the name of the header leads to the definition.
use strict;
use warnings;
use lib "$ENV{LINT_HOME}/tests/lib";
use File::Temp;
use Rooms qw(room_of module_of defined_symbols);
use Test::More;
use Tree qw(source_files read_text compile);

my $list = File::Temp->new;
my %defined = defined_symbols();

# The functions and variables that a header declares, from what the compiler says about all of them
# in the file $list.
sub declared {
    my ($path, $text) = @_;
    my @names;
    for (split /\n/, read_text($list)) {
        push @names, $2 if m{^/\* (?:\./)?(\S+?):\d+:.. \*/ extern .*?(\w+) \(} && $1 eq $path;
    }
    push @names, $text =~ /^extern [^;(]*?(\w+)(?:\[[^\]]*\])*;/mg;
    return @names;
}

for my $path (grep { /\.h$/ } source_files()) {
    my ($status, $output) = compile('-fsyntax-only', '-aux-info', "$list", '-x', 'c', '-include', $path, '/dev/null');
    ok($status == 0, "$path compiles alone") or diag($output);
    my $text = read_text($path);
    like($text, qr/^#pragma once$/m, "$path may be included twice");
    my $room = room_of($path);
    next if $status || !$room;

    my @wrong;
    my %entry = map { $_ => 1 } @{$room->{entry}};
    for my $name (grep { !$entry{$_} } declared($path, $text)) {
        my @modules = map { module_of($_) } keys %{$defined{$name}};
        next if grep { $_ eq module_of($path) } @modules;
        push @wrong, $name;
    }
    is("@wrong", '', "$path declares only what its module defines");
}
done_testing();
