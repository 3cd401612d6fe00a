#!/usr/bin/env perl
# tools/serial-lines gives every byte of its input once, in whatever pieces it comes.
use strict;
use warnings;
use IPC::Open2;
use Test::More;

my $pid = open2(my $out, my $in, 'tools/serial-lines');
$in->autoflush(1);

# The next message but "nothing", which may come at any time.
sub message {
    while (defined(my $line = <$out>)) {
        chomp $line;
        return $line if $line ne 'nothing';
    }
    return;
}

for (['ab', 'part'], ['c', 'part'], ["\n", 'line abc'], ["\n", 'line '], ["\r\n", "line \r"],
    ["x\0y\n", "line x\0y"], ["line 1\nrest", 'line line 1', 'part'], [" of it\n", 'line rest of it']) {
    my ($bytes, @messages) = @$_;
    print $in $bytes;
    is(message(), $_, "it says $_" =~ s/[^ -~]/?/gr) for @messages;
}
is(scalar <$out>, "nothing\n", 'a second without input');
print $in 'tail';
is(message(), 'part', 'part of a line');
close $in;
is(message(), 'rest tail', 'the end of the input');
is(message(), undef, 'and of its messages');
waitpid $pid, 0;
is($?, 0, 'it ends');
done_testing();
